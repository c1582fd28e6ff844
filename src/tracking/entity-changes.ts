import type { DataSource, ObjectLiteral } from "typeorm";
import type { Column } from "../metadata/column";
import { asJson, isJson } from "./kept-value";
import { originalValue, relatedIdOf, type Original } from "./original";
import { isSameValue } from "./value-equality";

/**
 * Whether the entity differs from its original in anything that its own row holds, leaving aside the columns in
 * `ignored`. As for TypeORM, an undefined property says nothing and a property that was not loaded is a change
 * once it has a value.
 */
export function hasChanged(
  driver: DataSource["driver"],
  original: Original,
  entity: ObjectLiteral,
  ignored: Column | undefined,
): boolean {
  const { columns, relations } = original.shape;
  return (
    columns.some((column) => {
      if (column === ignored || column.isDiscriminator || !column.isUpdate) return false;
      const current: unknown = column.getEntityValue(entity);
      return (
        current !== undefined && !isSameColumnValue(driver, column, originalValue(original, column), current)
      );
    }) ||
    relations.some((relation, index) => {
      const current = relatedIdOf(relation, entity);
      return current !== undefined && !isSameRelatedId(original.relatedIds[index], current);
    })
  );
}

/** Whether two values of a column, as an entity holds them, are one value to the database. */
export function isSameColumnValue(
  driver: DataSource["driver"],
  column: Column,
  left: unknown,
  right: unknown,
): boolean {
  if (left === undefined || right === undefined || left === null || right === null) return left === right;
  if (isJson(column)) return isSameValue(asJson(left), asJson(right));
  // A form brings "1" where the database has 1.
  if (column.isVersion) return Number(left) === Number(right);
  return isSameValue(
    driver.preparePersistentValue(left, column),
    driver.preparePersistentValue(right, column),
  );
}

function isSameRelatedId(left: unknown, right: unknown): boolean {
  return isSameValue(singleId(left), singleId(right));
}

// `{ id: 1 }` and `1` name the same row.
function singleId(related: unknown): unknown {
  if (typeof related !== "object" || related === null) return related;
  const values = Object.values(related);
  return values.length === 1 ? singleId(values[0]) : related;
}
