import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { columnValue, owningRelations, storedColumns } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { hasChanged, isSameColumnValue } from "../tracking/entity-changes";
import { membersOf, originalValue, type Original } from "../tracking/original";
import { namedExpectation } from "./caller-expectations";
import type { GraphEntity } from "./entity-graph";
import { expectationOf } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow, type RowObject, type RowRole } from "./guarded-row";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

/** Puts every guarded entity of a save into its scope, with what the save expects of its row. */
export function enlistRows(guard: Guard, scope: SaveScope, entities: readonly GraphEntity[]): void {
  for (const node of entities) {
    const { metadata, entity, role, isRoot } = node;
    const description = guard.describe(metadata);
    if (description === undefined) continue;
    const isMember =
      role === "member" || (scope.mode === "save" && !isRoot && isNamedByKey(metadata, entity));
    enlistObject(guard, scope, description, node, isMember ? "member" : "written", isRoot);
  }
}

/** Puts one object of a guarded row into a save; returns the row, or undefined while the object has no key. */
export function enlistObject(
  guard: Guard,
  scope: SaveScope,
  description: EntityDescription,
  { entity, id, key }: Pick<GraphEntity, "entity" | "id" | "key">,
  role: RowRole,
  isGiven = false,
): GuardedRow | undefined {
  const members = membersNow(description, entity);
  if (key === undefined || id === undefined) {
    scope.unsaved.push({ description, entity, members });
    return undefined;
  }
  const row = scope.rows.get(key) ?? new GuardedRow(key, description, id);
  scope.rows.set(key, row);
  if (row.objects.some((object) => object.entity === entity)) return row;
  const loaded = guard.tracker.originalOf(entity);
  const { expectation, expectedBy, missing } = expectedOf(guard, scope, row, entity, loaded);
  row.objects.push({
    entity,
    role,
    isGiven,
    original: loaded && isRebased(guard, description, loaded, entity) ? undefined : loaded,
    isRemoved: guard.tracker.isRemoved(entity),
    expectation,
    expectedBy,
    missing,
    members,
  });
  return row;
}

/** The row of one entity on its own, outside a save; undefined while it has no key. */
export function rowOfEntity(
  guard: Guard,
  description: EntityDescription,
  entity: ObjectLiteral,
): GuardedRow | undefined {
  const id = description.metadata.getEntityIdMap(entity);
  const key = id && rowKey(description.metadata, id);
  if (id === undefined || key === undefined) return undefined;
  const row = new GuardedRow(key, description, id);
  const original = guard.tracker.originalOf(entity);
  row.objects.push({
    entity,
    role: "written",
    isGiven: true,
    original,
    isRemoved: guard.tracker.isRemoved(entity),
    members: new Map(),
    ...ownExpectation(guard, description, entity, original),
  });
  return row;
}

function expectedOf(
  guard: Guard,
  scope: SaveScope,
  { description, key }: GuardedRow,
  entity: ObjectLiteral,
  loaded: Original | undefined,
): Pick<RowObject, "expectation" | "missing" | "expectedBy"> {
  if (scope.isUnchecked) return { expectation: new Map(), missing: [], expectedBy: "load" };
  // A save around this one may have written the row already, and its entity does not know yet.
  const tokensAfter = scope.parent?.findRow(key)?.tokensAfter;
  if (tokensAfter !== undefined) return { expectation: tokensAfter, missing: [], expectedBy: "load" };
  return ownExpectation(guard, description, entity, loaded);
}

function ownExpectation(
  guard: Guard,
  description: EntityDescription,
  entity: ObjectLiteral,
  loaded: Original | undefined,
): Pick<RowObject, "expectation" | "missing" | "expectedBy"> {
  const named = namedExpectation(guard, description, entity);
  const { expectation, missing } = expectationOf(description, loaded, entity, named);
  return { expectation, missing, expectedBy: named === undefined ? "load" : "caller" };
}

function membersNow(
  { shape }: EntityDescription,
  entity: ObjectLiteral,
): ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]> {
  if (shape.collections.length === 0) return none;
  return new Map(
    shape.collections.flatMap((relation) => {
      const members = membersOf(relation, entity);
      return members === undefined ? [] : [[relation, members]];
    }),
  );
}

const none: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]> = new Map();

// `{ id: 7 }` in a relation names a row and says nothing of it: at most its foreign key is written.
function isNamedByKey(metadata: EntityMetadata, entity: ObjectLiteral): boolean {
  return (
    storedColumns(metadata).every(
      (column) => column.isPrimary || (column.getEntityValue(entity) as unknown) === undefined,
    ) &&
    owningRelations(metadata).every((relation) => (relation.getEntityValue(entity) as unknown) === undefined)
  );
}

// An entity that was given another version than it was loaded with, and was changed besides, wants to be what it is now
// on top of that version: what it was loaded with tells no longer what its owner has changed. With nothing but the
// version edited there is nothing to write.
function isRebased(
  guard: Guard,
  { rowVersion }: EntityDescription,
  original: Original,
  entity: ObjectLiteral,
): boolean {
  const { driver } = guard.dataSource;
  const current = rowVersion && columnValue(rowVersion, entity);
  return (
    rowVersion !== undefined &&
    current !== undefined &&
    !isSameColumnValue(driver, rowVersion, originalValue(original, rowVersion), current) &&
    hasChanged(driver, original, entity, new Set([rowVersion]))
  );
}
