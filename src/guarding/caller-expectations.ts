import type { ObjectLiteral } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { rowKey } from "../metadata/row-identity";
import { decodeVersion } from "./version-token";

// What callers have named, for any DataSource: the entity may not have been loaded by one.
const named = new WeakMap<ObjectLiteral, unknown>();

/** Notes the version that a caller expects the entity's row to have, until a write of the entity has found it so. */
export function nameExpectation(entity: ObjectLiteral, token: unknown): void {
  named.set(entity, token);
}

/** What a caller expects of the entity's row, if one has said. */
export function namedExpectation(
  guard: Guard,
  description: EntityDescription,
  entity: ObjectLiteral,
): Expectation | undefined {
  if (!named.has(entity)) return undefined;
  const key = rowKey(description.metadata, entity);
  return decodeVersion(guard, description, key, named.get(entity));
}

/** How to put back, after a rollback, what a caller has named for an entity; undefined if nobody has. */
export function rememberNamedExpectation(entity: ObjectLiteral): (() => void) | undefined {
  if (!named.has(entity)) return undefined;
  const token = named.get(entity);
  return () => nameExpectation(entity, token);
}

export function forgetNamedExpectation(entity: ObjectLiteral): void {
  named.delete(entity);
}
