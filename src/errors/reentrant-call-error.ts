import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * Something was called of a serial actor that would have waited for the very work it was called from, for ever. It was
 * not begun.
 */
export class ReentrantCallError extends TypeORMError {
  readonly code = errorCodes.reentrantCall;

  constructor(
    /** What was called: `run with the key 'a'`, `run without a key`, `idle()`, `close()`. */
    readonly call: string,
    /** The way out, in a sentence. */
    remedy: string,
  ) {
    super(
      `${call} of a serial actor was called inside work that has to end first, so it would wait for itself for ever. ${remedy}`,
    );
  }
}

/** Whether `error` is a {@link ReentrantCallError}, also one from another copy of the package. */
export function isReentrantCallError(error: unknown): error is ReentrantCallError {
  return hasCode(error, errorCodes.reentrantCall);
}
