import { findFlow, Flow } from "./flow";
import type { Guard } from "./guard";
import { SaveFlow } from "./save-flow";

/** The callback of an EntityManager's `transaction()`, which commits or rolls back when it settles. */
export class TransactionFlow extends Flow {}

/** What transaction of this DataSource the running code is in that somebody else will commit, in words; if any. */
export function outerTransaction(guard: Guard): string | undefined {
  if (findFlow(guard, TransactionFlow) !== undefined) return "a transaction()";
  if (findFlow(guard, SaveFlow) !== undefined) return "a listener or subscriber of a save";
  return undefined;
}
