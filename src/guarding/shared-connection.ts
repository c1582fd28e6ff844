import type { QueryRunner } from "typeorm";
import { hasSingleConnection } from "./dialect";
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
  if (guard.connectionTurns === undefined) return work();
  return guard.connectionTurns.take(
    purpose,
    async () => {
      const wasInTransaction = sharedQueryRunner(guard)?.isTransactionActive === true;
      try {
        return await work();
      } finally {
        if (!wasInTransaction) await leaveTransaction(sharedQueryRunner(guard));
      }
    },
    signal,
  );
}

// SQLite rolls some failures back by itself, TypeORM's own ROLLBACK then fails, and its query runner, which is everybody's,
// would believe in that transaction for ever.
async function leaveTransaction(queryRunner: QueryRunner | undefined): Promise<void> {
  if (queryRunner?.isTransactionActive !== true) return;
  await queryRunner.query("ROLLBACK").catch(() => undefined);
  Object.assign(queryRunner, { isTransactionActive: false, transactionDepth: 0 });
}
