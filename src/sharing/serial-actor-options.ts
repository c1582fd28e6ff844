import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { resolveUnitOfWorkOptions, type UnitOfWorkOptions } from "../units/unit-of-work-options";

/** How a serial actor runs the units of work that it is brought. Each may say otherwise for itself. */
export interface SerialActorOptions extends UnitOfWorkOptions {
  /**
   * How many runs may be pending, waiting or running, of all keys together. An integer of at least 1, or Infinity, which is
   * the default. Runs that are called inside runs of the same actor are not counted: they are part of those.
   */
  readonly maxPending?: number;
}

/** How one run is run; what it leaves out is as the actor has it. Its signal also stops waiting for the turn. */
export type SerialRunOptions = UnitOfWorkOptions;

export interface ResolvedSerialActorOptions {
  readonly maxPending: number;
  readonly unitOptions: UnitOfWorkOptions;
}

/**
 * Checks an actor's options and fills in their defaults.
 *
 * @throws GuardConfigurationError for an option out of its bounds.
 */
export function resolveSerialActorOptions({
  maxPending = Infinity,
  ...unitOptions
}: SerialActorOptions = {}): ResolvedSerialActorOptions {
  if (maxPending !== Infinity && !(Number.isInteger(maxPending) && maxPending >= 1)) {
    throw new GuardConfigurationError(
      `"maxPending" must be an integer of at least 1, or Infinity, not ${String(maxPending)}.`,
    );
  }
  resolveUnitOfWorkOptions(unitOptions);
  return { maxPending, unitOptions };
}
