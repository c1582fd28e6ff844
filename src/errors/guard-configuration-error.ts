import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";

/**
 * A declaration or an option is wrong, which is thrown when the DataSource is guarded or initialized and never at a write;
 * or one of this package's functions was given a DataSource or an entity that is not guarded.
 */
export class GuardConfigurationError extends TypeORMError {
  readonly code = errorCodes.guardConfiguration;

  constructor(message: string) {
    super(message);
  }
}

/** Whether `error` is a {@link GuardConfigurationError}, also one from another copy of the package. */
export function isGuardConfigurationError(error: unknown): error is GuardConfigurationError {
  return hasCode(error, errorCodes.guardConfiguration);
}
