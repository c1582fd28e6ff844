import type { DataSource, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { columnValue, isHiddenForeignKey, type Column } from "../metadata/column";
import { isJson, isKeptAs, persistedForm, propertyValue } from "./kept-value";
import { originalRelatedId, relatedIdOf, type Original } from "./original";
import { isSameValue } from "./value-equality";

type Driver = DataSource["driver"];

/**
 * Whether the entity differs from its original in anything that its own row holds, leaving aside the columns in
 * `ignored`. As for TypeORM, an undefined property says nothing and a property that was not loaded is a change
 * once it has a value.
 */
export function hasChanged(
  driver: Driver,
  original: Original,
  entity: ObjectLiteral,
  ignored: ReadonlySet<Column | undefined>,
): boolean {
  const { columns, relations } = original.shape;
  return (
    columns.some(
      (column, index) => !ignored.has(column) && isColumnChanged(driver, original, entity, column, index),
    ) || relations.some((relation) => isRelationChanged(original, entity, relation))
  );
}

/** The columns in which the entity differs from its original; of a relation, its foreign key. */
export function changedColumns(driver: Driver, original: Original, entity: ObjectLiteral): Set<Column> {
  const { columns, relations } = original.shape;
  return new Set([
    ...columns.filter((column, index) => isColumnChanged(driver, original, entity, column, index)),
    ...relations
      .filter((relation) => isRelationChanged(original, entity, relation))
      .flatMap(({ joinColumns }) => joinColumns),
  ]);
}

/**
 * Whether the entity has another value of a column than its original.
 *
 * @param index the column's place in the original's shape.
 */
export function isColumnChanged(
  driver: Driver,
  original: Original,
  entity: ObjectLiteral,
  column: Column,
  index: number,
): boolean {
  const property = original.shape.properties[index];
  if (property === undefined && isHiddenForeignKey(column)) return false;
  const current: unknown = property === undefined ? columnValue(column, entity) : entity[property];
  const kept = original.values[index];
  if (current === undefined || isKeptAs(kept, current) || column.isDiscriminator || !column.isUpdate) {
    return false;
  }
  const before = propertyValue(column, kept);
  return !isSameColumnValue(driver, column, before, current) || isReordered(column, before, current);
}

// As text, JSON keeps the order of its keys.
function isReordered(column: Column, before: unknown, current: unknown): boolean {
  return (
    column.type === "simple-json" &&
    JSON.stringify(persistedForm(column, before)) !== JSON.stringify(persistedForm(column, current))
  );
}

/** Whether the entity has another member in a relation of its own row than its original. */
export function isRelationChanged(
  original: Original,
  entity: ObjectLiteral,
  relation: RelationMetadata,
): boolean {
  const current = relatedIdOf(relation, entity);
  return current !== undefined && !isSameId(originalRelatedId(original, relation), current);
}

/** Whether two values of a column, as an entity holds them, are one value to the database. */
export function isSameColumnValue(driver: Driver, column: Column, left: unknown, right: unknown): boolean {
  if (left === undefined || right === undefined || left === null || right === null) return left === right;
  if (isJson(column)) return isSameValue(persistedForm(column, left), persistedForm(column, right));
  // A form brings "1" where the database has 1.
  if (column.isVersion) return Number(left) === Number(right);
  return isSameValue(
    driver.preparePersistentValue(left, column),
    driver.preparePersistentValue(right, column),
  );
}

/** Whether two keys name the same row: id maps, or bare ids of a single key column. */
export function isSameId(left: unknown, right: unknown): boolean {
  return isSameValue(singleId(left), singleId(right));
}

// `{ id: 1 }` and `1` name the same row.
function singleId(related: unknown): unknown {
  if (typeof related !== "object" || related === null) return related;
  const values = Object.values(related);
  return values.length === 1 ? singleId(values[0]) : related;
}
