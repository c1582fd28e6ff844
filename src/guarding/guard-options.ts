import type { EntityTarget, ObjectLiteral } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { EntityConcurrency } from "../metadata/entity-concurrency";
import type { WriteLocks } from "./write-locks";

/** How a DataSource is guarded. */
export interface GuardOptions {
  /** Whether entities that carry TypeORM's `@VersionColumn` are guarded as they are. Default true. */
  readonly versionColumns?: boolean;
  /**
   * What happens to a write whose token was never loaded. `throw` (default): it is refused with a
   * MissingTokenError. `warn`: it goes through unchecked, with a process warning once per call site, for a code
   * base on its way. `ignore`: it goes through unchecked.
   */
  readonly missingToken?: "throw" | "warn" | "ignore";
  /**
   * Declarations for entities that cannot carry decorators, by class, EntitySchema or entity name. They go down to
   * subclasses.
   */
  readonly entities?: ReadonlyMap<EntityTarget<ObjectLiteral>, EntityConcurrency>;
  /**
   * What happens when an EntityManager that is bound to one connection, as in a transaction, is asked for something while
   * something else that was asked of it is not done yet. `throw`: it is refused with an OverlappingUseError before it
   * reaches the connection, a transaction is not committed in the middle of what was not awaited in it, and nothing of one
   * goes on after it was rolled back. `warn` (default): it goes through, with a process warning once per call site. `off`: nobody looks.
   */
  readonly overlap?: "throw" | "warn" | "off";
  /**
   * Whether a save or remove of loaded entities leaves out what it can do without, since it knows what each of them was
   * loaded with: the SELECT before the write, the transaction around a single statement, and a statement per row of a list.
   * `false`: statement for statement as TypeORM does it, with the guard's predicates. Default true.
   */
  readonly directWrites?: boolean;
  /**
   * A lock registry, of `createLockRegistry()`. A save, remove, softRemove or recover that would write an entity which another
   * operation has locked is refused with an EntityLockedError; the holder's own writes pass. Default: none.
   */
  readonly locks?: WriteLocks;
}

/** The options with their defaults. */
export type ResolvedGuardOptions = Required<Omit<GuardOptions, "locks">> & Pick<GuardOptions, "locks">;

const missingTokenChoices: readonly unknown[] = ["throw", "warn", "ignore"];
const overlapChoices: readonly unknown[] = ["throw", "warn", "off"];

/** The options with their defaults, copied, so that later edits of the caller's object change nothing. */
export function resolveGuardOptions({
  versionColumns = true,
  missingToken = "throw",
  entities = new Map(),
  overlap = "warn",
  directWrites = true,
  locks,
}: GuardOptions): ResolvedGuardOptions {
  if (typeof versionColumns !== "boolean") {
    throw new GuardConfigurationError(
      `"versionColumns" must be true or false, not ${String(versionColumns)}.`,
    );
  }
  if (!missingTokenChoices.includes(missingToken)) {
    throw new GuardConfigurationError(
      `"missingToken" must be one of ${missingTokenChoices.join(", ")}, not ${missingToken as string}.`,
    );
  }
  if (!overlapChoices.includes(overlap)) {
    throw new GuardConfigurationError(
      `"overlap" must be one of ${overlapChoices.join(", ")}, not ${overlap as string}.`,
    );
  }
  if (typeof directWrites !== "boolean") {
    throw new GuardConfigurationError(`"directWrites" must be true or false, not ${String(directWrites)}.`);
  }
  if (!(entities instanceof Map)) {
    throw new GuardConfigurationError(`"entities" must be a Map of entity to its declarations.`);
  }
  if (locks !== undefined && !isLockRegistry(locks)) {
    throw new GuardConfigurationError(`"locks" must be a lock registry: createLockRegistry({ … }).`);
  }
  const resolved = { versionColumns, missingToken, entities: new Map(entities), overlap, directWrites };
  return Object.freeze(locks === undefined ? resolved : { ...resolved, locks });
}

function isLockRegistry(locks: Partial<WriteLocks> | null): boolean {
  return typeof locks?.refuseLockedRows === "function" && typeof locks.bind === "function";
}
