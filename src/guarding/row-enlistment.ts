import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { owningRelations, storedColumns } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { hasChanged, isSameColumnValue } from "../tracking/entity-changes";
import { originalValue, type Original } from "../tracking/original";
import type { GraphEntity } from "./entity-graph";
import { expectationOf } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow } from "./guarded-row";
import { rowKey } from "./row-identity";
import type { SaveScope } from "./save-scope";

/** Puts every guarded entity of a save into its scope, with what the save expects of its row. */
export function enlistRows(guard: Guard, scope: SaveScope, entities: readonly GraphEntity[]): void {
  for (const { metadata, entity, id, role, isRoot } of entities) {
    const description = guard.describe(metadata);
    if (description === undefined) continue;
    const key = id === undefined ? undefined : rowKey(metadata, id);
    if (key === undefined || id === undefined) {
      scope.unsaved.push({ description, entity });
      continue;
    }
    const row = scope.rows.get(key) ?? new GuardedRow(key, description, id);
    const loaded = guard.tracker.originalOf(entity);
    // A save around this one may have written the row already, and its entity does not know yet.
    const tokensAfter = scope.parent?.findRow(key)?.tokensAfter;
    const expected =
      tokensAfter === undefined
        ? expectationOf(description, loaded, entity)
        : { expectation: tokensAfter, missing: [] };
    row.objects.push({
      entity,
      role: scope.mode === "save" && !isRoot && isNamedByKey(metadata, entity) ? "member" : role,
      original: loaded && isRebased(guard, description, loaded, entity) ? undefined : loaded,
      isRemoved: guard.tracker.isRemoved(entity),
      ...expected,
    });
    scope.rows.set(key, row);
  }
}

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
  const current: unknown = rowVersion?.getEntityValue(entity);
  return (
    rowVersion !== undefined &&
    current !== undefined &&
    !isSameColumnValue(driver, rowVersion, originalValue(original, rowVersion), current) &&
    hasChanged(driver, original, entity, rowVersion)
  );
}
