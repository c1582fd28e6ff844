import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * The backend of the locks could not be asked, so nobody knows what is locked: what needed the answer was not done.
 * `cause` is what the backend failed with.
 */
export class LocksUnavailableError extends TypeORMError {
  readonly code = errorCodes.locksUnavailable;
  override readonly cause: unknown;

  constructor(
    /** `redis`, `database`. */
    readonly backend: string,
    /** What is wrong, and the way out, in sentences. */
    explanation: string,
    cause?: unknown,
  ) {
    super(`The locks in ${backend} cannot be asked: ${explanation}`);
    this.cause = cause;
  }
}

/** Whether `error` is a {@link LocksUnavailableError}, also one from another copy of the package. */
export function isLocksUnavailableError(error: unknown): error is LocksUnavailableError {
  return hasCode(error, errorCodes.locksUnavailable);
}
