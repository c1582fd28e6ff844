import type { Conflict } from "../errors/conflict";
import { OptimisticLockError } from "../errors/optimistic-lock-error";
import { publish } from "../events/channels";
import type { Guard } from "./guard";

/** The error of a refused write, of which whoever listens is told. */
export function refusal(
  { dataSource }: Guard,
  conflicts: readonly [Conflict, ...Conflict[]],
): OptimisticLockError {
  const error = new OptimisticLockError(conflicts);
  publish("conflict", () => ({ dataSource, error }));
  return error;
}
