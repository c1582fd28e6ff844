import type { DataSource, ObjectLiteral } from "typeorm";
import { CapturedEntityError } from "../errors/captured-entity-error";
import { CommitOutcomeUnknownError } from "../errors/commit-outcome-unknown-error";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { isOptimisticLockError, type OptimisticLockError } from "../errors/optimistic-lock-error";
import { OuterTransactionError } from "../errors/outer-transaction-error";
import { RetriesExhaustedError } from "../errors/retries-exhausted-error";
import { publish } from "../events/channels";
import { findFlow } from "../guarding/flow";
import type { Guard } from "../guarding/guard";
import { guardOf } from "../guarding/guard-of";
import { onAbort } from "../events/on-abort";
import { refuseLeftovers } from "../guarding/unit-flow";
import { outerTransaction } from "../guarding/transaction-flow";
import type { Attempt, FailedAttempt } from "./attempt";
import { bringUpToDate } from "./bring-up-to-date";
import { isCommitted } from "./is-committed";
import { Refusals } from "./refusals";
import { retryDelayMs } from "./retry-delay";
import { runAttempt, type Work } from "./run-attempt";
import {
  resolveUnitOfWorkOptions,
  type ResolvedUnitOfWorkOptions,
  type UnitOfWorkOptions,
} from "./unit-of-work-options";
import { UnitRun } from "./unit-run";

/**
 * Runs `work` in a transaction, and runs it again from the start when it has lost a race: it was refused for rows that
 * others have changed, or the database gave it up. Each run has a new connection of the primary, a new transaction and a
 * new EntityManager, so it must read anew what it decides by, and may be run several times.
 *
 * Everything that names no other connection works inside: the given manager, `dataSource.manager`, repositories, Active
 * Record, query builders; `transaction()` is a savepoint. A unit inside a unit of the same DataSource joins it, and its
 * own options do not count.
 *
 * @param dataSource a guarded DataSource.
 * @param work what is to be done. It must await all that it begins.
 * @param options see {@link UnitOfWorkOptions}.
 * @returns what the run that was committed has returned.
 * @throws RetriesExhaustedError when no run is left (with `retries: 0` what the run failed with), CapturedEntityError,
 * CommitOutcomeUnknownError, OuterTransactionError inside a transaction that is not a unit's, ConnectionBusyError where
 * the one connection is held and not used, GuardConfigurationError for a wrong option, the signal's reason, and
 * whatever the work throws that is not worth another run.
 */
export async function runUnitOfWork<T>(
  dataSource: DataSource,
  work: Work<T>,
  options?: UnitOfWorkOptions,
): Promise<T> {
  const resolved = resolveUnitOfWorkOptions(options);
  if (typeof work !== "function") {
    throw new GuardConfigurationError(`The work of a unit must be a function, not ${String(work)}.`);
  }
  const guard = guardOf(dataSource);
  resolved.signal?.throwIfAborted();
  refuseLeftovers(guard);
  const running = findFlow(guard, UnitRun);
  if (running?.hasEnded === true) throw new OuterTransactionError("a subscriber of a unit's end");
  if (running !== undefined) return work(running.manager, running.attempt);
  const outer = outerTransaction(guard);
  if (outer !== undefined) throw new OuterTransactionError(outer);
  return new Unit(guard, work, resolved).run();
}

/** A unit of work on its way through its runs. */
class Unit<T> {
  readonly #startedAt = performance.now();
  readonly #refusals = new Refusals();
  #attempts = 0;

  constructor(
    private readonly guard: Guard,
    private readonly work: Work<T>,
    private readonly options: ResolvedUnitOfWorkOptions,
  ) {}

  async run(): Promise<T> {
    this.guard.keepHooks();
    try {
      const value = await this.#runUntilCommitted();
      this.#tell("committed");
      return value;
    } catch (error) {
      this.#tell(error instanceof CommitOutcomeUnknownError ? "unknown" : "failed");
      throw error;
    }
  }

  async #runUntilCommitted(): Promise<T> {
    let previousError: unknown;
    for (;;) {
      this.options.signal?.throwIfAborted();
      const attempt = this.#nextAttempt(previousError);
      const outcome = await runAttempt(this.guard, this.work, attempt, this.options);
      if (outcome.kind === "committed") return outcome.value;
      previousError = outcome.error;
      if (outcome.kind === "failed") {
        if (isOptimisticLockError(previousError)) this.#refuseCaptured(previousError, outcome.loaded);
        await this.#prepareRetry(previousError, outcome.reason, attempt);
        continue;
      }
      if (await isCommitted(this.guard, outcome.error, this.options.verifyCommitted)) return outcome.value;
      await this.#prepareRetry(previousError, "connection-lost", attempt);
    }
  }

  #nextAttempt(previousError: unknown): Attempt {
    return Object.freeze({
      number: ++this.#attempts,
      retriesLeft: this.options.retries - this.#attempts + 1,
      elapsedMs: this.#elapsedMs,
      previousError,
      signal: this.options.signal,
    });
  }

  /** Waits until the next run; throws when there is to be none. */
  async #prepareRetry(error: unknown, reason: string | undefined, attempt: Attempt): Promise<void> {
    const { onConflict, signal } = this.options;
    const isConflict = isOptimisticLockError(error);
    const isRetryable = reason !== undefined || (isConflict && onConflict !== undefined);
    if (!(await this.#isWanted(error, Object.freeze({ ...attempt, isRetryable })))) throw error;
    if (attempt.retriesLeft === 0) this.#giveUp(error);
    signal?.throwIfAborted();
    if (isConflict && onConflict !== undefined) {
      await bringUpToDate(this.guard.dataSource.manager, error, onConflict);
    }
    const delayMs = retryDelayMs(attempt.number, this.options, Math.random());
    const { dataSource } = this.guard;
    publish("retry", () => ({
      dataSource,
      attempt: attempt.number,
      delayMs,
      reason: reason ?? (isRetryable ? "conflict" : "asked"),
      error,
    }));
    if (delayMs > 0) await waitMs(delayMs, signal);
  }

  async #isWanted(error: unknown, attempt: FailedAttempt): Promise<boolean> {
    try {
      return (await this.options.shouldRetry?.(error, attempt)) ?? attempt.isRetryable;
    } catch (mistake) {
      throw new Error(`"shouldRetry" has failed itself: ${String(mistake)}`, { cause: error });
    }
  }

  #refuseCaptured(error: OptimisticLockError, loaded: WeakSet<ObjectLiteral>): void {
    const captured = this.#refusals.note(error, loaded);
    if (captured === undefined) return;
    // With a strategy, that it is captured is no news to anybody.
    const isNews = error.retryable && this.options.onConflict === undefined;
    throw isNews ? new CapturedEntityError(captured.entityName, captured.id, error) : error;
  }

  #giveUp(error: unknown): never {
    if (this.options.retries === 0) throw error;
    const { dataSource } = this.guard;
    const attempts = this.#attempts;
    const elapsedMs = this.#elapsedMs;
    publish("gave-up", () => ({ dataSource, attempts, elapsedMs, error }));
    throw new RetriesExhaustedError(attempts, elapsedMs, error);
  }

  #tell(outcome: "committed" | "failed" | "unknown"): void {
    publish("unit", () => ({
      dataSource: this.guard.dataSource,
      attempts: this.#attempts,
      elapsedMs: this.#elapsedMs,
      outcome,
    }));
  }

  get #elapsedMs(): number {
    return performance.now() - this.#startedAt;
  }
}

async function waitMs(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  await new Promise<void>((resolve, reject) => {
    const stopListening = onAbort(signal, () => {
      clearTimeout(timer);
      reject(signal?.reason as Error);
    });
    const timer = setTimeout(() => {
      stopListening();
      resolve();
    }, delayMs);
  });
}
