import type { EntityManager, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import { isOptimisticLockError } from "../errors/optimistic-lock-error";
import { OuterTransactionError } from "../errors/outer-transaction-error";
import type { Guard } from "../guarding/guard";
import { onConnection } from "../guarding/shared-connection";
import type { Attempt } from "./attempt";
import { connect } from "./connect";
import { dropConnection } from "./drop-connection";
import { commitOutcomeOf } from "./failures/commit-outcome";
import { connectFailureKindOf, failureKindOf } from "./failures/failure-kind-of";
import { StatementWatch } from "./statement-watch";
import { UnitRun } from "./unit-run";
import type { UnitOfWorkOptions } from "./unit-of-work-options";

/** What a unit of work is given, and what it gives back. */
export type Work<T> = (manager: EntityManager, attempt: Attempt) => Promise<T>;

/** What has become of one run. */
export type AttemptOutcome<T> =
  | { readonly kind: "committed"; readonly value: T }
  /** Certainly not committed. `reason` is why it is worth running again, undefined when it is not. */
  | { readonly kind: "failed"; readonly error: unknown; readonly reason: string | undefined }
  /** COMMIT was sent, and nobody knows. */
  | { readonly kind: "unknown"; readonly value: T; readonly error: unknown };

/**
 * Runs a unit of work once: a query runner of its own on the primary, a transaction, an EntityManager.
 *
 * @throws OuterTransactionError, ConnectionBusyError, the signal's reason: what happens before there is a transaction,
 * and is not worth another run.
 */
export async function runAttempt<T>(
  guard: Guard,
  work: Work<T>,
  attempt: Attempt,
  { isolation, signal }: Pick<UnitOfWorkOptions, "isolation" | "signal">,
): Promise<AttemptOutcome<T>> {
  const run = async (): Promise<AttemptOutcome<T>> => {
    const queryRunner = guard.dataSource.createQueryRunner("master");
    if (queryRunner.isTransactionActive) {
      throw new OuterTransactionError(
        "a transaction that was begun by hand on the DataSource's one connection",
      );
    }
    try {
      await connect(queryRunner, signal);
    } catch (error) {
      if (signal?.aborted === true) throw error;
      const reason = connectFailureKindOf(guard.dataSource.options.type, error);
      return { kind: "failed", error, reason };
    }
    const watch = new StatementWatch(guard.dataSource.options.type, () => isTransactionOpen(guard));
    const unit = new UnitRun(guard, queryRunner, queryRunner.manager, attempt);
    const leave = unit.occupy(watch);
    try {
      return await unit.run(() => runTransaction(unit, watch, work, isolation));
    } finally {
      await leave();
    }
  };
  return onConnection(guard, "a unit of work", run, signal);
}

async function runTransaction<T>(
  { attempt, guard, manager, queryRunner }: UnitRun,
  watch: StatementWatch,
  work: Work<T>,
  isolation: UnitOfWorkOptions["isolation"],
): Promise<AttemptOutcome<T>> {
  const probe = async (): Promise<unknown> =>
    guard.dialect === "other" ? undefined : queryRunner.query("SELECT 1");
  let value: T;
  try {
    await queryRunner.startTransaction(isolation);
    watch.begun();
    value = await work(manager, attempt);
    await watch.quiet();
    refuseOpenSavepoints(queryRunner);
    const lost = await watch.lostBy(probe);
    if (lost !== undefined) throw lost.error;
  } catch (error) {
    await watch.quiet().catch(() => undefined);
    const lost = await watch.lostBy(probe);
    await rollBack(queryRunner, watch);
    return failedBy(guard, error, lost?.error);
  }
  try {
    watch.end();
    await queryRunner.commitTransaction();
  } catch (error) {
    if (queryRunner.isTransactionActive) {
      await rollBack(queryRunner, watch);
      const isRefused =
        !watch.isCommitSent || commitOutcomeOf(guard.dataSource.options.type, error) === "refused";
      return isRefused ? failedBy(guard, error) : { kind: "unknown", value, error };
    }
    warnOfLateFailure(error);
  }
  return { kind: "committed", value };
}

// The commit stands, and the caller must not take it for a failure.
function warnOfLateFailure(error: unknown): void {
  const { message, stack } = error as Partial<Error>;
  process.emitWarning(
    `A unit of work was committed, and a subscriber's afterTransactionCommit failed then: ${message ?? String(error)}`,
    { type: "TypeormConcurrencyWarning", ...(stack === undefined ? {} : { detail: stack }) },
  );
}

/** @param lost what the transaction was lost by, whatever the work has made of it. */
function failedBy<T>(guard: Guard, error: unknown, lost?: unknown): AttemptOutcome<T> {
  const lostReason = reasonToRetry(guard, lost);
  return lostReason === undefined
    ? { kind: "failed", error, reason: reasonToRetry(guard, error) }
    : { kind: "failed", error: lost, reason: lostReason };
}

// better-sqlite3 tells.
function isTransactionOpen({ dataSource }: Guard): boolean | undefined {
  const { databaseConnection } = dataSource.driver as {
    readonly databaseConnection?: { readonly inTransaction?: boolean };
  };
  return databaseConnection?.inTransaction;
}

function reasonToRetry({ dataSource }: Guard, error: unknown): string | undefined {
  if (isOptimisticLockError(error)) return error.retryable ? "conflict" : undefined;
  return failureKindOf(dataSource.options.type, error);
}

function refuseOpenSavepoints(queryRunner: QueryRunner): void {
  const { transactionDepth } = queryRunner as unknown as { readonly transactionDepth?: number };
  if (transactionDepth === undefined || transactionDepth <= 1) return;
  throw new EndedUnitError(
    `A nested transaction was begun by hand in a unit of work, and is still open at its end. Use transaction() with a ` +
      `callback, or commit it or roll it back.`,
  );
}

async function rollBack(queryRunner: QueryRunner, watch: StatementWatch): Promise<void> {
  watch.end();
  try {
    while (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
  } catch {
    // A subscriber has failed before the statement was sent, or the connection is lost and the transaction with it.
    await queryRunner.query("ROLLBACK").catch(() => dropConnection(queryRunner));
  }
}
