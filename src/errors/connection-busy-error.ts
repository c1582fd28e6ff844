import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * Something has waited for the only connection of a DataSource (SQLite has one), while whoever holds it did not use it.
 * It was not begun.
 */
export class ConnectionBusyError extends TypeORMError {
  readonly code = errorCodes.connectionBusy;

  constructor(
    /** What has waited: `a save`. */
    readonly waiting: string,
    /** What holds the connection: `a unit of work`. */
    readonly holder: string,
    readonly waitedMs: number,
  ) {
    super(
      `${capitalized(waiting)} has waited ${waitedMs} ms for the one connection of this DataSource, which ${holder} has ` +
        `held all the time without using it. If that waits for this, they wait for each other: call it inside, in the ` +
        `same async flow, or after it. If it is only slow, keep what is not about the database out of it, or raise the ` +
        `driver's busy timeout.`,
    );
  }
}

/** Whether `error` is a {@link ConnectionBusyError}, also one from another copy of the package. */
export function isConnectionBusyError(error: unknown): error is ConnectionBusyError {
  return hasCode(error, errorCodes.connectionBusy);
}

function capitalized(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
