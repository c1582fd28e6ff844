import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * A unit of work was begun inside a transaction that is not its own. It could neither commit nor run again: a second run
 * would be in the same transaction, with what the first one left there. Or a serial actor was called inside one: its turn
 * would be over before what it has written is committed. Or parallel work was, all of which would join it.
 */
export class OuterTransactionError extends TypeORMError {
  readonly code = errorCodes.outerTransaction;

  /**
   * @param where what it was begun in: `a transaction()`.
   * @param message what is wrong with that, and the way out.
   */
  constructor(
    readonly where: string,
    message = `A unit of work was begun inside ${where}, which it can neither commit nor run again. Make the outermost ` +
      `function a unit of work: transactions inside one are savepoints, and units inside one join it. Or call the unit ` +
      `before or after that transaction.`,
  ) {
    super(message);
  }
}

/** Whether `error` is an {@link OuterTransactionError}, also one from another copy of the package. */
export function isOuterTransactionError(error: unknown): error is OuterTransactionError {
  return hasCode(error, errorCodes.outerTransaction);
}
