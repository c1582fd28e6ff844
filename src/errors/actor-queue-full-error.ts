import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/** A serial actor has as much work as its `maxPending` allows. What was brought to it was not queued. */
export class ActorQueueFullError extends TypeORMError {
  readonly code = errorCodes.actorQueueFull;

  constructor(
    /** How many runs were waiting or running. */
    readonly pending: number,
    readonly maxPending: number,
  ) {
    super(
      `The serial actor has ${pending} runs pending, and its "maxPending" is ${maxPending}. Nothing was queued. Try again ` +
        `when there are fewer, tell your caller to (a web service: 503), or raise "maxPending".`,
    );
  }
}

/** Whether `error` is an {@link ActorQueueFullError}, also one from another copy of the package. */
export function isActorQueueFullError(error: unknown): error is ActorQueueFullError {
  return hasCode(error, errorCodes.actorQueueFull);
}
