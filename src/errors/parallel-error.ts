import { errorCodes, hasCode } from "./error-codes";

/** Some items of parallel work have failed, after all of them were worked on. The others are committed. */
export class ParallelError<R = unknown> extends AggregateError {
  readonly code = errorCodes.parallel;
  /** What the items have failed with that did, in the order of the items; at least one. */
  declare readonly errors: unknown[];
  /** What has become of each item, in the order of the items. */
  readonly outcomes: readonly PromiseSettledResult<R>[];

  constructor(outcomes: readonly PromiseSettledResult<R>[]) {
    super(
      outcomes.filter(isRejected).map(({ reason }) => reason as unknown),
      describe(outcomes),
    );
    this.outcomes = Object.freeze([...outcomes]);
  }

  /** The name of the class, as with all errors of TypeORM. */
  override get name(): string {
    return this.constructor.name;
  }
}

/** Whether `error` is a {@link ParallelError}, also one from another copy of the package. */
export function isParallelError(error: unknown): error is ParallelError {
  return hasCode(error, errorCodes.parallel);
}

function describe(outcomes: readonly PromiseSettledResult<unknown>[]): string {
  const failed = outcomes.filter(isRejected);
  const others = failed.length < outcomes.length ? "; the others are committed" : "";
  return (
    `${failed.length} of ${outcomes.length} items failed${others}. The first of them, at index ` +
    `${outcomes.findIndex(isRejected)}, failed with: ${sentence(failed[0]?.reason)} "outcomes" has what has become of each ` +
    `item, in their order: work once more on those that failed, and on no others.`
  );
}

function sentence(reason: unknown): string {
  const text = reason instanceof Error ? reason.message : String(reason);
  return /[.!?]$/.test(text) ? text : `${text}.`;
}

function isRejected(outcome: PromiseSettledResult<unknown>): outcome is PromiseRejectedResult {
  return outcome.status === "rejected";
}
