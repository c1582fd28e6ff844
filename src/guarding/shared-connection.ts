import type { ConnectionTurns } from "./connection-turns";
import type { Guard } from "./guard";

/**
 * Runs `work` when it is its turn on the DataSource's one connection, and at once where there are many.
 *
 * @param purpose what it is, for messages: `a save`.
 * @param signal stops waiting; work that has begun goes on.
 */
export function onConnection<T>(
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
  if (guard.sharedQueryRunner?.isTransactionActive === true) return work();
  const isLeftOpen = async (): Promise<boolean> => {
    if (guard.sharedQueryRunner?.isTransactionActive === true) await connectionTurns.quiet();
    return guard.sharedQueryRunner?.isTransactionActive === true;
  };
  try {
    const result = await work();
    if (await isLeftOpen()) await guard.sharedQueryRunner?.query("COMMIT");
    return result;
  } catch (error) {
    if (await isLeftOpen()) await guard.sharedQueryRunner?.query("ROLLBACK").catch(() => undefined);
    throw error;
  } finally {
    Object.assign(guard.sharedQueryRunner ?? {}, { isTransactionActive: false, transactionDepth: 0 });
  }
}
