import type { ObjectLiteral } from "typeorm";
import { originalRelatedId } from "../tracking/original";
import type { GuardedRow } from "./guarded-row";

/*
 * TypeORM takes null for a change of null: an entity whose many-to-one or one-to-one relation was loaded and is empty gets
 * an UPDATE with every save, changed or not. For a guarded row that would raise the version for nothing, and refuse a stale
 * object that its caller has not changed.
 */

/** What an UPDATE of a save sets, without the foreign keys that were null when the entity was loaded and still are. */
export function withoutEmptyForeignKeys(
  { subject, isSubject }: GuardedRow,
  values: ObjectLiteral,
): ObjectLiteral {
  const original = isSubject ? subject.original : undefined;
  if (original === undefined) return values;
  const unchanged = original.shape.relations.filter(
    (relation) =>
      values[relation.propertyPath] === null &&
      relation.getEntityValue(subject.entity) === null &&
      originalRelatedId(original, relation) === null,
  );
  if (unchanged.length === 0) return values;
  const names = new Set(unchanged.map(({ propertyPath }) => propertyPath));
  return Object.fromEntries(Object.entries(values).filter(([property]) => !names.has(property)));
}
