import type { EntityManager, ObjectLiteral, QueryRunner } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { Guard } from "./guard";
import { operate } from "./overlap/operate";
import { isInSave, runInSave } from "./save-flow";
import { inSavepoint } from "./savepoint";
import { onConnection } from "./shared-connection";

type Work<T> = (queryRunner: QueryRunner) => Promise<T>;

/**
 * Runs `work` by the manager's own query runner, or by one of its own on the primary; in a transaction where the tokens
 * have to be read after they were written, between which nobody else may write.
 */
export async function runOnPrimary<T>(
  guard: Guard,
  { queryRunner: given }: EntityManager,
  { tokens }: EntityDescription,
  work: Work<T>,
  entity?: ObjectLiteral,
): Promise<T> {
  const { driver } = guard.dataSource;
  const isReadBack = !driver.isReturningSqlSupported("update") && tokens.some(({ isVersion }) => !isVersion);
  return withQueryRunner(
    guard,
    given,
    (queryRunner) =>
      queryRunner.isTransactionActive || !isReadBack ? work(queryRunner) : inTransaction(queryRunner, work),
    entity,
  );
}

/** Runs `work` all or nothing: in a transaction of its own, or in a savepoint of the one that is open. */
export async function runAtomically<T>(
  guard: Guard,
  given: QueryRunner | undefined,
  work: Work<T>,
): Promise<T> {
  return withQueryRunner(guard, given, async (queryRunner) => {
    if (!queryRunner.isTransactionActive) return inTransaction(queryRunner, work);
    return inSavepoint(guard, queryRunner, () => work(queryRunner));
  });
}

/**
 * Runs `work` by a query runner, a new one on the primary if none is given. It takes turns with the saves that share the
 * connection or the entity, except within one; saves of listeners that it calls belong to it.
 */
export async function withQueryRunner<T>(
  guard: Guard,
  given: QueryRunner | undefined,
  work: Work<T>,
  entity?: ObjectLiteral,
): Promise<T> {
  const { dataSource } = guard;
  const run = async (): Promise<T> => {
    if (given !== undefined) return work(given);
    const own = dataSource.createQueryRunner("master");
    try {
      return await work(own);
    } finally {
      await own.release();
    }
  };
  if (isInSave(guard)) return run();
  const shared = guard.connectionTurns ?? given ?? entity;
  return operate(guard, { name: "a write", queryRunner: given, callee: withQueryRunner }, () =>
    onConnection(guard, "a write", () =>
      guard.turns.take(shared === undefined ? [] : [shared], () => runInSave(guard, undefined, run)),
    ),
  );
}

/** Runs `work` in a transaction, which is rolled back when it fails. */
export async function inTransaction<T>(queryRunner: QueryRunner, work: Work<T>): Promise<T> {
  await queryRunner.startTransaction();
  try {
    const result = await work(queryRunner);
    await queryRunner.commitTransaction();
    return result;
  } catch (error) {
    // Where the connection is lost there is nothing left to roll back.
    if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction().catch(() => undefined);
    throw error;
  }
}
