import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/** Work was brought to a serial actor after its `close()`. It was not queued. */
export class ClosedActorError extends TypeORMError {
  readonly code = errorCodes.closedActor;

  constructor() {
    super(
      `The serial actor was closed and takes no more work. Close it after those who bring work to it, or create a new one.`,
    );
  }
}

/** Whether `error` is a {@link ClosedActorError}, also one from another copy of the package. */
export function isClosedActorError(error: unknown): error is ClosedActorError {
  return hasCode(error, errorCodes.closedActor);
}
