import type { EntityTarget, ObjectLiteral } from "typeorm";

/** An entity by its key: a scalar for a single-column key, or an object of key properties. */
export interface LockReference<E extends ObjectLiteral = ObjectLiteral> {
  readonly target: EntityTarget<E>;
  readonly id: unknown;
}

/**
 * What can be locked: an object of an entity class, or a {@link LockReference}. Objects of an EntitySchema without a class
 * do not tell what they are, and need a reference.
 */
export type LockResource = ObjectLiteral | LockReference;

/** A resource, and what the backend knows it by. */
export interface ResolvedResource {
  /** One string per row of a database. */
  readonly key: string;
  readonly entityName: string;
  readonly target: EntityTarget<ObjectLiteral>;
  readonly id: unknown;
  /** As the caller gave it. */
  readonly given: LockResource;
}

export function isLockReference(resource: LockResource): resource is LockReference {
  const prototype: unknown = Object.getPrototypeOf(resource);
  return (prototype === Object.prototype || prototype === null) && "target" in resource && "id" in resource;
}
