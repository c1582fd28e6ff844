import type { ObjectLiteral, QueryBuilder } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { Guard } from "./guard";
import { queryRunnerOf } from "./query-runner-of";
import { inSavepoint } from "./savepoint";

/**
 * Executes a write of a row whose version is `xmin` in a subtransaction of its own, if it is in a transaction:
 * PostgreSQL gives a row version the number of the (sub)transaction that made it, so that two writes of one row in the
 * same would look alike.
 */
export async function inOwnSubtransaction<T>(
  guard: Guard,
  { versionSource }: EntityDescription,
  builder: QueryBuilder<ObjectLiteral>,
  execute: () => Promise<T>,
): Promise<T> {
  const queryRunner = queryRunnerOf(builder);
  if (versionSource?.kind !== "xmin" || queryRunner?.isTransactionActive !== true) return execute();
  return inSavepoint(guard, queryRunner, execute);
}
