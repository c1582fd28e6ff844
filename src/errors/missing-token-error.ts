import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";
import { formatRow } from "./format-value";

/**
 * A write to a guarded row came without the value it could be checked by: the entity was loaded without its
 * token, or built by hand without it. No write was sent.
 */
export class MissingTokenError extends TypeORMError {
  readonly code = errorCodes.missingToken;

  constructor(
    readonly entityName: string,
    /** The row's primary key: an object of key properties. */
    readonly id: Readonly<Record<string, unknown>>,
    /** Property paths of the tokens that are missing. */
    readonly missing: readonly string[],
  ) {
    super(
      `${formatRow(entityName, id)} cannot be written: its ${missing.join(" and ")} ${missing.length > 1 ? "were" : "was"} never loaded, so nothing can tell ` +
        `whether the row is still as you read it. Select ${missing.join(" and ")} with the entity or load it whole, ` +
        `or set the value that your client was shown before you save.`,
    );
  }
}

/** Whether `error` is a {@link MissingTokenError}, also one from another copy of the package. */
export function isMissingTokenError(error: unknown): error is MissingTokenError {
  return hasCode(error, errorCodes.missingToken);
}
