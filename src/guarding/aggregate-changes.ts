import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { hasChanged } from "../tracking/entity-changes";
import { memberIdsOf, originalMemberIds, type Original } from "../tracking/original";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

/** Whether a save changes a member of an aggregate, one that is a root itself and is raised included. */
export function isMemberChanged(
  { dataSource: { driver } }: Guard,
  { found, rows }: SaveScope,
  { entity, id, metadata }: GraphEntity,
  raised: ReadonlySet<GuardedRow>,
): boolean {
  const key = id === undefined ? undefined : rowKey(metadata, id);
  if (key === undefined) return true;
  const row = rows.get(key);
  if (row !== undefined) {
    return raised.has(row) || row.isAbsent || (row.isChanged(driver) && !row.isUnversionedChange(driver));
  }
  const original = found.get(key);
  return original === undefined || hasChanged(driver, original, entity, new Set());
}

/**
 * Whether a collection has other members than before.
 *
 * @param before what may tell, first the one that does: a collection that was never loaded is compared with what the
 * database has, as TypeORM does.
 */
export function hasOtherMembers(
  relation: RelationMetadata,
  members: readonly ObjectLiteral[],
  before: readonly (Original | undefined)[],
): boolean {
  const keysOf = (ids: readonly ObjectLiteral[]): Set<string | undefined> =>
    new Set(ids.map((id) => rowKey(relation.inverseEntityMetadata, id)));
  const now = memberIdsOf(relation, members) ?? [];
  const known = before
    .map((original) => original && originalMemberIds(original, relation))
    .find((ids) => ids !== undefined);
  const keysNow = keysOf(now);
  const keysBefore = keysOf(known ?? []);
  return (
    now.length < members.length ||
    keysNow.size !== keysBefore.size ||
    [...keysNow].some((key) => !keysBefore.has(key))
  );
}
