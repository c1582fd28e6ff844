import type { QueryRunner } from "typeorm";
import { hasSingleConnection } from "./dialect";
import type { ConnectionTurns } from "./connection-turns";
import type { Guard } from "./guard";

/** The query runner that all users of a DataSource with one connection share; undefined for other DataSources. */
export function sharedQueryRunner({ dataSource }: Guard): QueryRunner | undefined {
  if (!hasSingleConnection(dataSource)) return undefined;
  return (dataSource.driver as { readonly queryRunner?: QueryRunner }).queryRunner;
}

/**
 * Runs `work` when it is its turn on the DataSource's one connection, and at once where there are many.
 *
 * @param purpose what it is, for messages: `a save`.
 * @param signal stops waiting; work that has begun goes on.
 */
export async function onConnection<T>(
  guard: Guard,
  purpose: string,
  work: () => Promise<T>,
  signal?: AbortSignal,
): Promise<T> {
  const { connectionTurns } = guard;
  if (connectionTurns === undefined) return work();
  if (connectionTurns.isInTurn) return connectionTurns.take(purpose, work);
  return connectionTurns.take(purpose, () => leavingNoTransaction(guard, connectionTurns, work), signal);
}

/**
 * SQLite rolls some failures back by itself, TypeORM's own ROLLBACK then fails, and its query runner, which is everybody's,
 * would believe in that transaction for ever. A transaction that was begun inside another one and not awaited makes TypeORM
 * release a savepoint where it should commit.
 */
async function leavingNoTransaction<T>(
  guard: Guard,
  connectionTurns: ConnectionTurns,
  work: () => Promise<T>,
): Promise<T> {
  if (sharedQueryRunner(guard)?.isTransactionActive === true) return work();
  let end = "ROLLBACK";
  try {
    const result = await work();
    end = "COMMIT";
    return result;
  } finally {
    if (sharedQueryRunner(guard)?.isTransactionActive === true) await connectionTurns.quiet();
    const queryRunner = sharedQueryRunner(guard);
    if (queryRunner?.isTransactionActive === true) await queryRunner.query(end).catch(() => undefined);
    if (queryRunner !== undefined) {
      Object.assign(queryRunner, { isTransactionActive: false, transactionDepth: 0 });
    }
  }
}
