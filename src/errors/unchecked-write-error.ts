import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/** A write to a guarded row came by a way on which it cannot be checked. It was not sent. */
export class UncheckedWriteError extends TypeORMError {
  readonly code = errorCodes.uncheckedWrite;

  constructor(
    readonly entityName: string,
    /** What cannot be checked, and the way out: the rest of a sentence that begins with the entity's name. */
    explanation: string,
  ) {
    super(`${entityName} ${explanation}`);
  }
}

/** Whether `error` is an {@link UncheckedWriteError}, also one from another copy of the package. */
export function isUncheckedWriteError(error: unknown): error is UncheckedWriteError {
  return hasCode(error, errorCodes.uncheckedWrite);
}
