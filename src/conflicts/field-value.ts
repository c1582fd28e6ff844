import type { DataSource, ObjectLiteral } from "typeorm";
import { isSameColumnValue, isSameId } from "../tracking/entity-changes";
import { replaceRelationValue } from "../guarding/relation-value";
import { comparableOf, type Field } from "./field";
import { propertyAt } from "./property-at";

type Driver = DataSource["driver"];

/**
 * Gives an entity another value of one field; a value that is the same already is left in place.
 *
 * @param value as {@link comparableOf} has it: of a relation, the key of the related row.
 * @param instance of a relation: the related entity, or null; without it the key stands for it.
 */
export function setField(
  driver: Driver,
  field: Field,
  entity: ObjectLiteral,
  value: unknown,
  instance?: ObjectLiteral | null,
): void {
  const current = comparableOf(field, entity);
  if (field.column !== undefined) {
    if (!isSameColumnValue(driver, field.column, current, value)) field.column.setEntityValue(entity, value);
    return;
  }
  const { relation } = field;
  if (!isSameId(current, value)) {
    replaceRelationValue(relation, entity, value === undefined ? undefined : (instance ?? value));
  }
  for (const column of relation.joinColumns) {
    if (column.isVirtual || column.isPrimary || propertyAt(entity, column.propertyPath) === undefined)
      continue;
    if (value === null) column.setEntityValue(entity, null);
    else if (typeof value === "object") {
      column.setEntityValue(entity, column.referencedColumn?.getEntityValue(value));
    }
  }
}

/** Notes what the fields of an entity hold; returns how to put that back. */
export function rememberFields(driver: Driver, fields: readonly Field[], entity: ObjectLiteral): () => void {
  const held = fields.map((field) => ({
    field,
    value: comparableOf(field, entity),
    instance: field.relation === undefined ? undefined : propertyAt(entity, field.path),
  }));
  return () => {
    for (const { field, instance, value } of held) {
      setField(driver, field, entity, value, instance as ObjectLiteral | null | undefined);
    }
  };
}
