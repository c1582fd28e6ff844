import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * The connection was lost while a unit of work committed, and nobody has said whether it did. It was not run again.
 * `cause` is what COMMIT failed with.
 */
export class CommitOutcomeUnknownError extends TypeORMError {
  readonly code = errorCodes.commitOutcomeUnknown;
  override readonly cause: unknown;

  constructor(
    cause: unknown,
    /** What `verifyCommitted` failed with, if it was asked. */
    readonly verificationError?: unknown,
  ) {
    super(
      `It is unknown whether the unit of work was committed: its COMMIT was sent and got no answer ` +
        `(${messageOf(cause)}). ${remedy(verificationError)}`,
    );
    this.cause = cause;
  }
}

/** Whether `error` is a {@link CommitOutcomeUnknownError}, also one from another copy of the package. */
export function isCommitOutcomeUnknownError(error: unknown): error is CommitOutcomeUnknownError {
  return hasCode(error, errorCodes.commitOutcomeUnknown);
}

function remedy(verificationError: unknown): string {
  return verificationError === undefined
    ? `Look whether its rows are there before you repeat it, or give the unit "verifyCommitted", which is asked in that ` +
        `case: let the unit write a row with a key made beforehand, and look for that.`
    : `"verifyCommitted" was asked and failed too (${messageOf(verificationError)}). Look whether its rows are there ` +
        `before you repeat it.`;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
