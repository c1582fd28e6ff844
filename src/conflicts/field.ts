import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { isOwnColumn, isStamped, owningRelations, storedColumns, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { RelationMetadata } from "../metadata/relation";
import { originalRelatedId, originalValue, type Original } from "../tracking/original";
import { copyValue } from "../tracking/value-copy";
import { propertyAt } from "./property-at";

/** One part of an entity that is changed, taken over or kept as a whole: a column, or a relation with its foreign key. */
export type Field =
  | { readonly path: string; readonly column: Column; readonly relation?: undefined }
  | { readonly path: string; readonly relation: RelationMetadata; readonly column?: undefined };

/**
 * The fields of an entity that its owner may change. A foreign key that has a property of its own is a field by that
 * one, unless the entity has its relation loaded; TypeORM then goes by the relation too.
 */
export function fieldsOf({ metadata, rowVersion }: EntityDescription, entity: ObjectLiteral): Field[] {
  const relations = owningRelations(metadata).filter(
    ({ joinColumns, propertyPath }) =>
      joinColumns.some((column) => !column.isPrimary) &&
      (propertyAt(entity, propertyPath) !== undefined || joinColumns.some(({ isVirtual }) => isVirtual)),
  );
  const foreignKeys = new Set(relations.flatMap(({ joinColumns }) => joinColumns));
  return [
    ...editableColumns(metadata)
      .filter((column) => !foreignKeys.has(column) && !isOfRow(column, rowVersion))
      .map((column) => ({ path: column.propertyPath, column })),
    ...relations.map((relation) => ({ path: relation.propertyPath, relation })),
  ];
}

/** Columns that are what the row holds, whatever their property was set to: the version, stamps, what is computed. */
export function columnsOfRow({ metadata, rowVersion }: EntityDescription): Column[] {
  const columns = editableColumns(metadata).filter((column) => isOfRow(column, rowVersion));
  return rowVersion === undefined || columns.includes(rowVersion) ? columns : [...columns, rowVersion];
}

function editableColumns(metadata: EntityMetadata): Column[] {
  return storedColumns(metadata).filter(
    (column) => !column.isPrimary && !column.isDiscriminator && isOwnColumn(metadata, column),
  );
}

function isOfRow(column: Column, rowVersion: Column | undefined): boolean {
  return (
    column === rowVersion ||
    column.isVersion ||
    !column.isUpdate ||
    column.asExpression !== undefined ||
    isStamped(column)
  );
}

/** What a field of an object is compared by: the column's value, or the key of the related row. Undefined says nothing. */
export function comparableOf(field: Field, object: ObjectLiteral): unknown {
  if (field.column !== undefined) return field.column.getEntityValue(object) as unknown;
  const { relation } = field;
  const related = propertyAt(object, field.path);
  if (related === undefined) return keyInColumns(relation, object);
  if (typeof related !== "object" || related === null || related instanceof Uint8Array) return related;
  const key = copyValue(relation.getRelationIdMap(related));
  // An entity that has no key yet is none of those that the row could point to.
  return key === undefined || isIncomplete(relation, key as ObjectLiteral) ? Symbol("unsaved") : key;
}

function isIncomplete({ joinColumns }: RelationMetadata, key: ObjectLiteral): boolean {
  return joinColumns.some(({ referencedColumn }) => {
    const value: unknown = referencedColumn?.getEntityValue(key);
    return value === undefined || value === null;
  });
}

// The related row by the foreign key's own properties, of an object that has them without the relation.
function keyInColumns({ joinColumns }: RelationMetadata, object: ObjectLiteral): unknown {
  if (joinColumns.some(({ isVirtual }) => isVirtual)) return undefined;
  const values = joinColumns.map((column) => propertyAt(object, column.propertyPath));
  if (values.includes(undefined)) return undefined;
  if (values.includes(null)) return null;
  const key: ObjectLiteral = {};
  joinColumns.forEach(({ referencedColumn }, index) => referencedColumn?.setEntityValue(key, values[index]));
  return key;
}

/** The same of an original. */
export function originalComparable(field: Field, original: Original): unknown {
  return field.column === undefined
    ? originalRelatedId(original, field.relation)
    : originalValue(original, field.column);
}
