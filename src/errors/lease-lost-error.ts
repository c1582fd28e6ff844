import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";
import { formatValue } from "./format-value";

/** A lease is over without having been released: others may hold its entities by now. */
export class LeaseLostError extends TypeORMError {
  readonly code = errorCodes.leaseLost;
  override readonly cause: unknown;

  constructor(
    readonly operation: string,
    /** The last fencing token that the lease had. */
    readonly fencingToken: number,
    /** How it was lost: the rest of a sentence that begins with "The locks of operation …". */
    how: string,
    /** What made it impossible to keep, if anything was thrown. */
    cause?: unknown,
  ) {
    super(
      `The locks of operation ${formatValue(operation)} (fencing token ${fencingToken}) ${how}. Others may hold its entities ` +
        `by now, so its writes are refused. Stop the work, look what it has done, and acquire anew what is left to do.`,
    );
    this.cause = cause;
  }
}

/** Whether `error` is a {@link LeaseLostError}, also one from another copy of the package. */
export function isLeaseLostError(error: unknown): error is LeaseLostError {
  return hasCode(error, errorCodes.leaseLost);
}
