import type { EntityManager, EntityTarget, ObjectLiteral, QueryDeepPartialEntity } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { Expectation } from "./expectation";
import { expectedRow, refusalOf } from "./expected-row";
import { refuseLockedRow } from "./locked-rows";
import { runOnPrimary } from "./primary";
import { updateRow } from "./row-touch";
import { encodeVersion, isOpaque } from "./version-token";

/**
 * Updates one row without loading it, if it still has the expected version: a compare-and-swap in one UPDATE, which
 * raises the version as every write does. Subscribers hear of it as of an `update()`; objects in memory stay as they are.
 *
 * @param manager in whose transaction it happens, if it has one.
 * @param target the entity.
 * @param id the key: a scalar, or an object of key properties.
 * @param token what {@link versionOf} gave for the row, or the value of its row version, which then is all that is checked.
 * @param patch properties to set, as for `update()`. An empty one only raises the version.
 * @returns the row's new version, in the form that `token` had.
 * @throws OptimisticLockError, never retryable, when the row has another version or is gone; InvalidVersionError;
 * UncheckedWriteError for an entity that is not guarded or an incomplete key; EntityLockedError where another operation
 * has locked it.
 */
export async function updateExpecting<E extends ObjectLiteral>(
  manager: EntityManager,
  target: EntityTarget<E>,
  id: unknown,
  token: unknown,
  patch: QueryDeepPartialEntity<E>,
): Promise<unknown> {
  const { guard, row } = expectedRow(manager, target, id, token);
  return runOnPrimary(guard, manager, row.description, async (queryRunner) => {
    await refuseLockedRow(guard, "an update", row, queryRunner);
    const tokens = await updateRow(guard, queryRunner, row, patch, { callsListeners: true });
    if (tokens === undefined) throw await refusalOf(guard, queryRunner, row, "update");
    return inFormOf(token, row.description, row.key, tokens);
  });
}

function inFormOf(token: unknown, description: EntityDescription, key: string, tokens: Expectation): unknown {
  const { rowVersion } = description;
  return isOpaque(token) || rowVersion === undefined
    ? encodeVersion(description, key, tokens)
    : tokens.get(rowVersion);
}
