import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { resolveLeaseTimes, type LockRegistryOptions } from "./lock-options";
import type { LockRegistry } from "./lock-registry";
import { Registry } from "./registry";

/**
 * Makes a registry of locks over sets of entities. Processes that shall exclude each other each need one, with the same
 * backend for the same entities.
 *
 * @param options see {@link LockRegistryOptions}.
 * @throws GuardConfigurationError for a wrong option.
 */
export function createLockRegistry(options: LockRegistryOptions): LockRegistry {
  if (typeof options !== "object" || options === null) {
    throw new GuardConfigurationError(`A lock registry needs at least a "backend".`);
  }
  return new Registry(options, resolveLeaseTimes(options));
}
