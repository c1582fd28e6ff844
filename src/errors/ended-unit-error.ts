import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * The EntityManager of a unit of work was used after that run of the unit had ended, or its transaction was left in a
 * state in which the unit cannot end it. What was refused was not sent; what the unit had written is rolled back.
 */
export class EndedUnitError extends TypeORMError {
  readonly code = errorCodes.endedUnit;

  /** @param what what was wrong, and the way out. */
  constructor(
    what = `This EntityManager belongs to a unit of work that has ended, and its transaction with it. Await everything ` +
      `that a unit of work begins before its function returns, and use only the manager that each run is given.`,
  ) {
    super(what);
  }
}

/** Whether `error` is an {@link EndedUnitError}, also one from another copy of the package. */
export function isEndedUnitError(error: unknown): error is EndedUnitError {
  return hasCode(error, errorCodes.endedUnit);
}
