import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { resolveUnitOfWorkOptions, type UnitOfWorkOptions } from "../units/unit-of-work-options";

/** How far parallel work has come. */
export interface ParallelProgress {
  /** How many items are done with, those that have failed among them. */
  readonly completed: number;
  /** How many of these have failed. */
  readonly failed: number;
  /** How many items there are: of an array, a Set or a Map. Undefined for anything else. */
  readonly total: number | undefined;
}

/** How parallel work is run. What is said of a unit of work holds for that of each item. */
export interface RunParallelOptions extends UnitOfWorkOptions {
  /**
   * How many items are worked on at once, at most; never more than the DataSource's pool has connections. An integer from
   * 1, or Infinity. Default: as many as the pool has connections, 10 for a pool without a limit. On SQLite it is always 1.
   */
  readonly concurrency?: number;
  /**
   * What the failure of an item does. `stop` (default): no other item is begun, retries end, `context.signal` aborts, and
   * the work rejects with that failure. `collect`: the other items are worked on, and then the work rejects with a
   * ParallelError. In both cases what was committed stays.
   */
  readonly onError?: "stop" | "collect";
  /**
   * Begins no further item, ends retries, and aborts `context.signal`; when what runs has ended, the work rejects with
   * the signal's reason. What was committed stays.
   */
  readonly signal?: AbortSignal;
  /**
   * Called each time that an item is done with, outside of its unit. A promise that it returns is awaited before another
   * item takes the place. What it throws stops the work, whatever `onError` is.
   */
  readonly onProgress?: (progress: ParallelProgress) => unknown;
}

/** The options, checked, those of units of work apart. */
export interface ResolvedParallelOptions {
  readonly concurrency: number | undefined;
  readonly onError: "stop" | "collect";
  readonly onProgress: RunParallelOptions["onProgress"];
  readonly signal: AbortSignal | undefined;
  readonly unit: UnitOfWorkOptions;
}

const onErrorChoices: readonly unknown[] = ["stop", "collect"];

/**
 * Checks the options and fills in their defaults.
 *
 * @throws GuardConfigurationError for an option out of its bounds.
 */
export function resolveParallelOptions(options: RunParallelOptions = {}): ResolvedParallelOptions {
  const { concurrency, onError = "stop", onProgress, ...unit } = options;
  resolveUnitOfWorkOptions(unit);
  check(
    concurrency === undefined ||
      concurrency === Infinity ||
      (Number.isInteger(concurrency) && concurrency >= 1),
    "concurrency",
    "an integer of at least 1, or Infinity",
    concurrency,
  );
  check(onErrorChoices.includes(onError), "onError", `one of ${onErrorChoices.join(", ")}`, onError);
  check(onProgress === undefined || typeof onProgress === "function", "onProgress", "a function", onProgress);
  return Object.freeze({ concurrency, onError, onProgress, signal: unit.signal, unit });
}

function check(holds: boolean, option: string, expected: string, given: unknown): void {
  if (!holds) throw new GuardConfigurationError(`"${option}" must be ${expected}, not ${String(given)}.`);
}
