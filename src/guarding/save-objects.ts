import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { memberIdsOf } from "../tracking/original";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

interface SaveObject {
  readonly metadata: EntityMetadata;
  readonly entity: ObjectLiteral;
  readonly members: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]>;
}

type Keys = ReadonlySet<string | undefined>;

const claims = new WeakMap<SaveScope, Map<RelationMetadata, Keys>>();

/** Every object that stands for a guarded row of the save, those without a key included. */
export function objectsOf({ rows, unsaved }: SaveScope): SaveObject[] {
  const all: SaveObject[] = [];
  for (const { description, objects } of rows.values()) {
    for (const { entity, members } of objects) {
      all.push({ metadata: description.metadata, entity, members });
    }
  }
  for (const { description, entity, members } of unsaved) {
    all.push({ metadata: description.metadata, entity, members });
  }
  return all;
}

/** The keys of all members that the objects of the save have in a collection, whichever of them has it. */
export function claimedMembers(scope: SaveScope, relation: RelationMetadata): Keys {
  const known = claims.get(scope) ?? new Map<RelationMetadata, Keys>();
  claims.set(scope, known);
  let keys = known.get(relation);
  if (keys === undefined) {
    const ids = objectsOf(scope).flatMap(({ members }) => memberIdsOf(relation, members.get(relation)) ?? []);
    keys = new Set(ids.map((id) => rowKey(relation.inverseEntityMetadata, id)));
    known.set(relation, keys);
  }
  return keys;
}
