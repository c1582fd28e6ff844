import type { EntityTarget, ObjectLiteral } from "typeorm";

/** Who holds the lock on an entity, and why. All times are by the clock of the backend. */
export interface LockInfo {
  /** The operation that holds it, as it was named to `acquire`. */
  readonly operation: string;
  /** Why, in the words of whoever took it; undefined when none were given. */
  readonly reason: string | undefined;
  /** Since when. */
  readonly since: Date;
  /** When it ends by itself, unless it is renewed before. */
  readonly expiresAt: Date;
  /** The lease's fencing token: the higher one was given later. */
  readonly fencingToken: number;
}

/** One entity that could not be locked, or not be written, because of another operation. */
export interface HeldLock extends Omit<LockInfo, "fencingToken"> {
  /** The entity's name. */
  readonly entityName: string;
  /** The entity class, schema or name. */
  readonly target: EntityTarget<ObjectLiteral>;
  /** The key: as the caller named it, or an object of key properties. */
  readonly id: unknown;
  /** Undefined for an operation that does not hold the lock yet: it came before, and waits for more than this one. */
  readonly fencingToken: number | undefined;
}
