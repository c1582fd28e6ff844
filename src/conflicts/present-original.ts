import type { ObjectLiteral } from "typeorm";
import { columnValue, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { originalRelatedId, type Original } from "../tracking/original";
import { isToldByLoad } from "../guarding/written-tokens";

/**
 * The original of an entity whose row is known anew: of what the entity has, and of what a write of it is checked by,
 * the row's values; of its collections, the members it was loaded with, which a row does not tell.
 *
 * @param before what the entity was tracked with so far.
 * @param present the row, with all its columns and foreign keys.
 */
export function presentOriginal(
  description: EntityDescription,
  entity: ObjectLiteral,
  before: Original | undefined,
  present: Original,
): Original {
  const { shape } = description;
  const position = new Map(present.shape.columns.map((column, index) => [column, index]));
  return {
    shape,
    values: shape.columns.map((column, index) =>
      before?.values[index] !== undefined || isNeeded(description, entity, column)
        ? present.values[position.get(column) ?? -1]
        : undefined,
    ),
    relatedIds: shape.relations.map((relation) => originalRelatedId(present, relation)),
    memberIds: shape.collections.map((_, index) => before?.memberIds[index]),
  };
}

// A column that was not loaded stays so: TypeORM may put null into its property, which is no edit of anybody's.
function isNeeded(description: EntityDescription, entity: ObjectLiteral, column: Column): boolean {
  const { compare, compared, tokens } = description;
  if (column.isPrimary || columnValue(column, entity) !== undefined) return true;
  if (!tokens.includes(column)) return false;
  return !compared.has(column) || (compare === "all-columns" && isToldByLoad(description, column));
}
