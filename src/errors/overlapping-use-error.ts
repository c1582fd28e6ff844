import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/** One use of an EntityManager. */
export interface ManagerUse {
  /** What was asked for: `a save`. */
  readonly operation: string;
  /** The line of the application's code that asked for it, as in a stack trace: `at file:line:column`. */
  readonly callSite: string | undefined;
}

/**
 * An EntityManager that is bound to one connection, as in a transaction, was asked for something while something else that
 * was asked of it was not done yet. The second was refused before it reached the connection.
 */
export class OverlappingUseError extends TypeORMError {
  readonly code = errorCodes.overlappingUse;

  constructor(
    /** What was going on. */
    readonly running: ManagerUse,
    /** What was refused. */
    readonly refused: ManagerUse,
  ) {
    super(overlapMessage(running, refused, "was refused because"));
  }
}

/** Whether `error` is an {@link OverlappingUseError}, also one from another copy of the package. */
export function isOverlappingUseError(error: unknown): error is OverlappingUseError {
  return hasCode(error, errorCodes.overlappingUse);
}

/** @param verdict what has become of the second use: `was refused because`. */
export function overlapMessage(running: ManagerUse, second: ManagerUse, verdict: string): string {
  return (
    `Two at once by one EntityManager, which has one connection and one transaction: ${inWords(second)} ${verdict} ` +
    `${inWords(running)} came first and was not awaited. Await the one before you begin the other, also in Promise.all, where one that ` +
    `fails leaves the rest running. For work that is to be done in parallel give each part an EntityManager of its own: a ` +
    `unit of work each, or runParallel().`
  );
}

function inWords({ callSite, operation }: ManagerUse): string {
  return callSite === undefined ? operation : `${operation} (${callSite})`;
}
