import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";
import { formatRow } from "./format-value";

/**
 * A unit of work was refused twice for the same entity with the same expectation, so the entity was not read in that
 * run: no further run can succeed. `cause` is the refusal.
 */
export class CapturedEntityError extends TypeORMError {
  readonly code = errorCodes.capturedEntity;
  override readonly cause: unknown;

  constructor(
    readonly entityName: string,
    /** The row's primary key: an object of key properties. */
    readonly id: Readonly<Record<string, unknown>>,
    cause: unknown,
  ) {
    super(
      `${formatRow(entityName, id)} was refused again with the very same expectation: it was loaded outside of the unit of ` +
        `work, or came from a cache, and every run saves the same stale entity. Load it inside the unit, by the manager ` +
        `it is given, or give the unit "onConflict" to bring the entity up to date.`,
    );
    this.cause = cause;
  }
}

/** Whether `error` is a {@link CapturedEntityError}, also one from another copy of the package. */
export function isCapturedEntityError(error: unknown): error is CapturedEntityError {
  return hasCode(error, errorCodes.capturedEntity);
}
