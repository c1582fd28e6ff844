import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { memberIdsOf, membersOf, originalMemberIds, type Original } from "../tracking/original";
import { replaceRelationValue } from "./relation-value";
import { rowKey } from "../metadata/row-identity";

/*
 * TypeORM's save attaches the members of a collection that the row does not have in the database, and detaches or deletes
 * those that the collection does not have. With a collection that was loaded a while ago that undoes what others have
 * attached or detached meanwhile. So a row that TypeORM has read is shown to it with the members that leave just the
 * caller's own changes. A member that the same save puts into another collection is left out too: TypeORM would detach it
 * after it has been attached there.
 */

/**
 * Leaves out of a row's collections the members that the entity was never loaded with and does not have, and puts in
 * those that it was loaded with and still has.
 *
 * @param row as TypeORM has read it: with the keys of its members.
 * @param claimed the keys of all members that the save has in this collection of any row.
 */
export function showOwnMembers(
  original: Original,
  now: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]>,
  row: ObjectLiteral,
  claimed: (relation: RelationMetadata) => ReadonlySet<string | undefined>,
): void {
  for (const relation of original.shape.collections) {
    const loaded = originalMemberIds(original, relation);
    const current = memberIdsOf(relation, now.get(relation));
    if (loaded === undefined || current === undefined) continue;
    const found = memberIdsOf(relation, membersOf(relation, row)) ?? [];
    const isMoved = (key: string | undefined): boolean => relation.isOneToMany && claimed(relation).has(key);
    const shown = ownMembers(relation, loaded, current, found, isMoved);
    replaceRelationValue(relation, row, relation.isOneToOne ? (shown[0] ?? null) : shown);
  }
}

function ownMembers(
  { inverseEntityMetadata }: RelationMetadata,
  loaded: readonly ObjectLiteral[],
  current: readonly ObjectLiteral[],
  found: readonly ObjectLiteral[],
  isMoved: (key: string | undefined) => boolean,
): ObjectLiteral[] {
  const keyOf = (id: ObjectLiteral): string | undefined => rowKey(inverseEntityMetadata, id);
  const keysOf = (ids: readonly ObjectLiteral[]): Set<string | undefined> => new Set(ids.map(keyOf));
  const [wasLoaded, isCurrent, isFound] = [keysOf(loaded), keysOf(current), keysOf(found)];
  return [
    ...found.filter((id) => {
      const key = keyOf(id);
      return isCurrent.has(key) || (wasLoaded.has(key) && !isMoved(key));
    }),
    ...loaded.filter((id) => isCurrent.has(keyOf(id)) && !isFound.has(keyOf(id))),
  ];
}
