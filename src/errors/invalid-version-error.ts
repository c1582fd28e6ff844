import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * A version that a caller named is none: it was cut or changed on its way, belongs to another row, or is not a value of
 * the row version. Nothing was written. For a web service that is a bad request, not a conflict.
 */
export class InvalidVersionError extends TypeORMError {
  readonly code = errorCodes.invalidVersion;

  constructor(
    readonly entityName: string,
    /** What is wrong: the rest of a sentence that begins with "The version". */
    explanation: string,
  ) {
    super(
      `The version that was named for ${entityName} ${explanation}. Send back what versionOf gave for this row, as it was.`,
    );
  }
}

/** Whether `error` is an {@link InvalidVersionError}, also one from another copy of the package. */
export function isInvalidVersionError(error: unknown): error is InvalidVersionError {
  return hasCode(error, errorCodes.invalidVersion);
}
