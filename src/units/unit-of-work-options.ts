import type { QueryRunner } from "typeorm";
import type { ConflictStrategy } from "../conflicts/conflict-strategy";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { FailedAttempt } from "./attempt";

/** The isolation levels that TypeORM knows. */
export type IsolationLevel = NonNullable<Parameters<QueryRunner["startTransaction"]>[0]>;

/** How a unit of work is run. */
export interface UnitOfWorkOptions {
  /** How often it may be run again, so that it is run once more than that. An integer, or Infinity. Default 5; 0: never. */
  readonly retries?: number;
  /**
   * The first retry is made at once. Before the second a random time of up to this is waited, and before each later one
   * of up to twice as much. In milliseconds, 0 to 2147483647, default 100.
   */
  readonly minDelayMs?: number;
  /** No wait is longer than this. In milliseconds, at least `minDelayMs`, default 1000 or `minDelayMs`. */
  readonly maxDelayMs?: number;
  /** The transaction's isolation level. Default: the DataSource's or the database's own. */
  readonly isolation?: IsolationLevel;
  /**
   * Stops waiting and prevents further runs: the unit then rejects with the signal's reason. A run that is under way goes
   * on; if it commits, the unit resolves. The work is given the signal too.
   */
  readonly signal?: AbortSignal;
  /**
   * Asked after each failed run whether to run again; `attempt.isRetryable` is what would be done otherwise. It is not
   * asked when it is unknown whether the run has been committed, nor for an entity that was captured.
   */
  readonly shouldRetry?: (error: unknown, attempt: FailedAttempt) => boolean | Promise<boolean>;
  /**
   * What to do about the entities that a run was refused for, before the next run: for entities that come from outside
   * the unit. Those that the work loads itself are loaded anew by the next run anyway. A strategy that throws the conflict
   * again leaves it to the next run; refused again for the same, the unit rejects with the conflict.
   */
  readonly onConflict?: ConflictStrategy;
  /**
   * Asked when COMMIT was sent and failed in a way that leaves open whether the database has executed it: whether what
   * the unit wrote is there. It is called outside of the unit; what it reads by the DataSource's managers is read on the
   * primary.
   */
  readonly verifyCommitted?: () => Promise<boolean>;
}

/** The options with their defaults. */
export interface ResolvedUnitOfWorkOptions extends UnitOfWorkOptions {
  readonly retries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
}

const defaultMaxDelayMs = 1000;
/** A timer of Node's that is set to more goes off at once. */
const longestDelayMs = 2 ** 31 - 1;

/**
 * Checks the options and fills in their defaults.
 *
 * @throws GuardConfigurationError for an option out of its bounds.
 */
export function resolveUnitOfWorkOptions(options?: UnitOfWorkOptions): ResolvedUnitOfWorkOptions {
  return options === undefined ? defaults : resolve(options);
}

function resolve(options: UnitOfWorkOptions): ResolvedUnitOfWorkOptions {
  const { retries = 5, minDelayMs = 100 } = options;
  const { maxDelayMs = Math.max(defaultMaxDelayMs, minDelayMs) } = options;
  check(
    retries === Infinity || (Number.isInteger(retries) && retries >= 0),
    "retries",
    "an integer of at least 0, or Infinity",
    retries,
  );
  check(isDelay(minDelayMs), "minDelayMs", "a number of milliseconds of at least 0", minDelayMs);
  check(
    isDelay(maxDelayMs) && maxDelayMs >= minDelayMs,
    "maxDelayMs",
    "a number of milliseconds of at least minDelayMs",
    maxDelayMs,
  );
  check(isSignal(options.signal), "signal", "an AbortSignal", options.signal);
  for (const name of ["shouldRetry", "onConflict", "verifyCommitted"] as const) {
    const given: unknown = options[name];
    check(given === undefined || typeof given === "function", name, "a function", given);
  }
  return Object.freeze({ ...options, retries, minDelayMs, maxDelayMs });
}

const defaults = resolve({});

function check(holds: boolean, option: string, expected: string, given: unknown): void {
  if (!holds) throw new GuardConfigurationError(`"${option}" must be ${expected}, not ${String(given)}.`);
}

function isDelay(value: unknown): boolean {
  return typeof value === "number" && value >= 0 && value <= longestDelayMs;
}

function isSignal(value: unknown): boolean {
  if (value === undefined) return true;
  const { aborted, addEventListener } = (value ?? {}) as Partial<AbortSignal>;
  return typeof aborted === "boolean" && typeof addEventListener === "function";
}
