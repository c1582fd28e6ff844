import type { ObjectLiteral } from "typeorm";
import { isHiddenForeignKey } from "../metadata/column";
import { originalRelatedId, originalValue, takeOriginal, type Original } from "../tracking/original";
import type { GuardedRow } from "./guarded-row";
import { replaceRelationValue } from "./relation-value";

/** What stands for a row that was not read, or not found: with it TypeORM writes, and the write decides. */
export function asInOriginal(row: GuardedRow): ObjectLiteral {
  const { entity, original } = row.subject;
  const values: ObjectLiteral = {};
  overlay(original ?? takeOriginal(row.description.shape, entity), values);
  hideVersionChange(row, values);
  setKey(row, values);
  return values;
}

/** Gives a row the key that its object has. A form brings "1" where the database has 1, and TypeORM would take them for two. */
export function setKey({ description: { metadata }, id }: GuardedRow, row: ObjectLiteral): void {
  for (const column of metadata.primaryColumns) {
    const value: unknown = column.getEntityValue(id);
    if (column.getEntityValue(row) === value) continue;
    if (column.isVirtual)
      column.relationMetadata?.setEntityValue(row, column.relationMetadata.getEntityValue(id));
    else column.setEntityValue(row, value);
  }
}

/** Gives a row the version that its object has: in memory it is an expectation, never a change. */
export function hideVersionChange(
  { description: { rowVersion }, subject: { entity } }: GuardedRow,
  row: ObjectLiteral,
): void {
  const current: unknown = rowVersion?.getEntityValue(entity);
  if (current !== undefined) rowVersion?.setEntityValue(row, current);
}

/** Gives a row the values of an original, as far as it has them. */
export function overlay(original: Original, row: ObjectLiteral): void {
  original.shape.columns.forEach((column, index) => {
    if (original.values[index] === undefined || isHiddenForeignKey(column)) return;
    column.setEntityValue(row, originalValue(original, column));
  });
  for (const relation of original.shape.relations) {
    const related = originalRelatedId(original, relation);
    if (related !== undefined) replaceRelationValue(relation, row, related);
  }
}
