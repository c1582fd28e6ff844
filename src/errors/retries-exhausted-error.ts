import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * Work that lost every race it was in, and has no runs left. Nothing of it was written. `cause` is what the last run
 * failed with.
 */
export class RetriesExhaustedError extends TypeORMError {
  readonly code = errorCodes.retriesExhausted;
  override readonly cause: unknown;

  constructor(
    /** How often it was run, the first time included. */
    readonly attempts: number,
    /** From the beginning of the first run to the end of the last one. */
    readonly elapsedMs: number,
    cause: unknown,
  ) {
    super(
      `Given up after ${attempts} attempts in ${Math.round(elapsedMs)} ms; nothing of them was written. The last one ` +
        `failed with: ${cause instanceof Error ? cause.message : String(cause)} Where this happens under ordinary load, ` +
        `allow more "retries", write less at once, or let those who write the same row come one at a time.`,
    );
    this.cause = cause;
  }
}

/** Whether `error` is a {@link RetriesExhaustedError}, also one from another copy of the package. */
export function isRetriesExhaustedError(error: unknown): error is RetriesExhaustedError {
  return hasCode(error, errorCodes.retriesExhausted);
}
