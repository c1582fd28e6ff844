import type { EntityManager, ObjectLiteral, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import { isOptimisticLockError } from "../errors/optimistic-lock-error";
import { OuterTransactionError } from "../errors/outer-transaction-error";
import { findFlow } from "../guarding/flow";
import type { Guard } from "../guarding/guard";
import { isToldOfTransactions } from "../guarding/observers";
import { operate } from "../guarding/overlap/operate";
import { onConnection } from "../guarding/shared-connection";
import type { Attempt } from "./attempt";
import { connect } from "./connect";
import { dropConnection } from "./drop-connection";
import { EndFlow } from "./end-flow";
import { commitOutcomeOf } from "./failures/commit-outcome";
import { isReleasedQueryRunner } from "./failures/driver-error";
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
  | {
      readonly kind: "failed";
      readonly error: unknown;
      readonly reason: string | undefined;
      /** The guarded entities that the run has read. */
      readonly loaded: WeakSet<ObjectLiteral>;
    }
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
      return { kind: "failed", error, reason, loaded: new WeakSet() };
    }
    const watch = watchOn(guard, queryRunner);
    const unit = new UnitRun(guard, queryRunner, attempt, watch);
    const leave = unit.occupy();
    try {
      return await unit.run(async () => {
        const outcome = await operate(guard, { name: "a unit of work", queryRunner, callsBack: true }, () =>
          runTransaction(unit, watch, work, isolation),
        );
        unit.isDiscarded = outcome.kind !== "committed";
        return outcome;
      });
    } finally {
      await leave();
    }
  };
  return onConnection(guard, "a unit of work", run, signal);
}

async function runTransaction<T>(
  unit: UnitRun,
  watch: StatementWatch,
  work: Work<T>,
  isolation: UnitOfWorkOptions["isolation"],
): Promise<AttemptOutcome<T>> {
  const { attempt, guard, manager, queryRunner } = unit;
  let value: T;
  try {
    const { isolationLevel = isolation } = guard.dataSource.options as { readonly isolationLevel?: string };
    const begun = unit.begin(() => queryRunner.startTransaction(isolation), isolationLevel === undefined);
    begun.catch(() => undefined);
    if (!mayBeginMeanwhile(guard)) await begun;
    value = await callBack(unit, () => work(manager, attempt));
    await begun;
    if (watch.isBusy) await watch.quiet();
    refuseOpenSavepoints(queryRunner);
  } catch (error) {
    await unit.hasBegun();
    await watch.quiet().catch(() => undefined);
    return failedBy(unit, error, await rollBack(unit, watch));
  }
  try {
    watch.end();
    await new EndFlow(guard).run(() => queryRunner.commitTransaction());
    if (!isCommitted(guard, queryRunner, watch)) throw new EndedUnitError();
  } catch (error) {
    if (!isCommitted(guard, queryRunner, watch)) {
      const lost = await rollBack(unit, watch);
      const isRefused =
        !watch.isCommitSent || commitOutcomeOf(guard.dataSource.options.type, error) === "refused";
      return isRefused ? failedBy(unit, error, lost) : { kind: "unknown", value, error };
    }
    warnOfLateFailure(error);
  }
  return { kind: "committed", value };
}

/**
 * Whether the work may be called while its transaction is begun, which takes a round trip where there is a network.
 * Subscribers may refuse to begin, and what undoes overlapping work counts the transactions that were open when it began.
 */
function mayBeginMeanwhile(guard: Guard): boolean {
  return (
    guard.connectionTurns === undefined && guard.options.overlap !== "throw" && !isToldOfTransactions(guard)
  );
}

async function callBack<T>({ guard, queryRunner }: UnitRun, work: () => Promise<T>): Promise<T> {
  if (guard.overlaps === undefined) return work();
  return guard.overlaps.callBack(queryRunner, "the end of a unit of work", work);
}

// Drivers that are not known may commit by other means than SQL.
function isCommitted({ dialect }: Guard, queryRunner: QueryRunner, watch: StatementWatch): boolean {
  return watch.isCommitted || (dialect === "other" && !queryRunner.isTransactionActive);
}

function watchOn(guard: Guard, queryRunner: QueryRunner): StatementWatch {
  const query = queryRunner.query.bind(queryRunner) as (sql: string) => Promise<unknown>;
  return new StatementWatch({
    driverType: guard.dataSource.options.type,
    isTransactionOpen: () => isTransactionOpen(guard),
    isCalledByEnd: () => findFlow(guard, EndFlow) !== undefined,
    probe: async () => (guard.dialect === "other" ? undefined : query("SELECT 1")),
  });
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
function failedBy<T>(
  { guard, loaded, queryRunner }: UnitRun,
  error: unknown,
  lost: unknown,
): AttemptOutcome<T> {
  const lostReason = reasonToRetry(guard, queryRunner, lost);
  return lostReason === undefined
    ? { kind: "failed", error, reason: reasonToRetry(guard, queryRunner, error), loaded }
    : { kind: "failed", error: lost, reason: lostReason, loaded };
}

// better-sqlite3 tells.
function isTransactionOpen({ dataSource }: Guard): boolean | undefined {
  const { databaseConnection } = dataSource.driver as {
    readonly databaseConnection?: { readonly inTransaction?: boolean };
  };
  return databaseConnection?.inTransaction;
}

function reasonToRetry({ dataSource }: Guard, queryRunner: QueryRunner, error: unknown): string | undefined {
  if (isOptimisticLockError(error)) return error.retryable ? "conflict" : undefined;
  // One that the work has made and released itself says nothing of the unit's connection.
  if (isReleasedQueryRunner(error) && !queryRunner.isReleased) return undefined;
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

/** @returns what the transaction was lost by before, if it was. */
async function rollBack({ guard, queryRunner }: UnitRun, watch: StatementWatch): Promise<unknown> {
  const lost = await watch.lostBy();
  watch.end();
  await new EndFlow(guard).run(async () => {
    // If it could not begin, there may be a transaction nevertheless, but it is not the unit's.
    if (!watch.isOpen && watch.hasSent) await dropConnection(queryRunner);
    try {
      while (watch.isOpen && queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
    } catch {
      // A subscriber has failed before the statement was sent, or the connection is lost and the transaction with it.
    }
    if (watch.isOpen) await queryRunner.query("ROLLBACK").catch(() => dropConnection(queryRunner));
  });
  Object.assign(queryRunner, { isTransactionActive: false, transactionDepth: 0 });
  return lost?.error;
}
