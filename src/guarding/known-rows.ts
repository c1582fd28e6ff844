import type { ObjectLiteral, SelectQueryBuilder } from "typeorm";
import { columnValue, isHiddenForeignKey } from "../metadata/column";
import { rowKey } from "../metadata/row-identity";
import { originalMemberIds, originalRelatedId } from "../tracking/original";
import { hasOtherMembers } from "./aggregate-changes";
import { metadataOf, targetsOf } from "./builder-targets";
import type { Guard } from "./guard";
import type { GuardedRow, RowObject } from "./guarded-row";
import { asInOriginal } from "./row-stand-in";
import { currentScope } from "./save-flow";
import { claimedMembers } from "./save-objects";
import type { SaveScope } from "./save-scope";
import { showOwnMembers } from "./stale-collections";

/**
 * What a save would find by the SELECT before its write, from the originals of its entities: TypeORM is shown those anyway,
 * and whether the row is still there, and as it was, is for the write to tell.
 *
 * @returns undefined where the originals do not tell all that TypeORM asks for.
 */
export function knownRows(
  guard: Guard,
  builder: SelectQueryBuilder<ObjectLiteral>,
): ObjectLiteral[] | undefined {
  const scope = currentScope(guard);
  const metadata = metadataOf(builder);
  if (scope?.goesByOriginals !== true || metadata === undefined) return undefined;
  if (scope.isUnchecked || scope.rootLinks.length > 0) return undefined;
  // What it has attached to others must not stay attached.
  if (scope.mode === "remove" && metadata.manyToManyRelations.length > 0) return undefined;
  const rows: ObjectLiteral[] = [];
  for (const id of targetsOf(builder)) {
    const key = rowKey(metadata, id);
    const row = key === undefined ? undefined : scope.rows.get(key);
    if (row === undefined || !isKnown(guard, scope, row)) return undefined;
    rows.push(standIn(scope, row));
  }
  return rows;
}

function standIn(scope: SaveScope, row: GuardedRow): ObjectLiteral {
  const values = asInOriginal(row);
  const { members, original } = row.subject;
  if (original !== undefined) {
    showOwnMembers(original, members, values, (relation) => claimedMembers(scope, relation));
  }
  return values;
}

function isKnown({ dataSource: { driver } }: Guard, { mode }: SaveScope, row: GuardedRow): boolean {
  const [object, ...others] = row.objects;
  if (object?.original === undefined || object.role !== "written" || others.length > 0) return false;
  if (mode === "remove") return true;
  // Of an entity that is not changed nothing is written, which would tell that its row is gone.
  return (mode !== "save" || row.isChanged(driver)) && saysAll(object);
}

/** Whether the original tells of all that the entity holds, so that TypeORM can compare it. */
export function saysAll({ entity, members, original }: RowObject): boolean {
  if (original === undefined) return false;
  const { columns, relations, collections } = original.shape;
  return (
    columns.every(
      (column, index) =>
        original.values[index] !== undefined ||
        isHiddenForeignKey(column) ||
        columnValue(column, entity) === undefined,
    ) &&
    relations.every(
      (relation) =>
        (relation.getEntityValue(entity) as unknown) === undefined ||
        originalRelatedId(original, relation) !== undefined,
    ) &&
    collections.every((relation) => {
      const current = members.get(relation);
      return (
        current === undefined ||
        (originalMemberIds(original, relation) !== undefined &&
          !hasOtherMembers(relation, current, [original]))
      );
    })
  );
}
