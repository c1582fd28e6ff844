import type { ObjectLiteral } from "typeorm";
import { nameExpectation } from "./caller-expectations";
import { guardOfEntity } from "./guard-of";
import { rowKey } from "../metadata/row-identity";
import { decodeVersion } from "./version-token";

/**
 * Makes the next write of an entity expect the version that a client says it has edited, instead of the one the entity
 * was loaded with. It holds until a write of the entity has found it so; a refusal because of it is not retryable, since
 * no fresh read can change what the client has seen.
 *
 * @param entity the entity, loaded or built by hand.
 * @param token what {@link versionOf} gave for the row, or the value of the entity's row version. Of other tokens beside
 * a row version that is named alone, what the entity was loaded with still counts.
 * @returns the same entity.
 * @throws InvalidVersionError for anything else: at once for a loaded entity, otherwise by the write.
 */
export function expectVersion<E extends ObjectLiteral>(entity: E, token: unknown): E {
  const guard = guardOfEntity(entity);
  const metadata = guard?.tracker.originalOf(entity)?.shape.metadata;
  const description = metadata && guard?.describe(metadata);
  if (guard !== undefined && description !== undefined) {
    decodeVersion(guard, description, rowKey(description.metadata, entity), token);
  }
  nameExpectation(entity, token);
  return entity;
}
