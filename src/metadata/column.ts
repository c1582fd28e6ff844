import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "./relation";

/** TypeORM's ColumnMetadata, which its root does not export by name. */
export type Column = EntityMetadata["columns"][number];

/** Columns whose value lives in a property of the entity: not join columns without one, not computed columns. */
export function storedColumns(metadata: EntityMetadata): Column[] {
  return metadata.columns.filter((column) => !column.isVirtual && !column.isVirtualProperty);
}

/** Whether a column is the entity's own: the parent of a single table's classes has its children's columns too. */
export function isOwnColumn({ target }: EntityMetadata, column: Column): boolean {
  if (
    typeof target !== "function" ||
    typeof column.target !== "function" ||
    column.embeddedMetadata !== undefined
  ) {
    return true;
  }
  return target === column.target || !((column.target.prototype as object) instanceof target);
}

/** Foreign keys that no property of the entity holds: it has them only while their relation is loaded. */
export function hiddenForeignKeys(metadata: EntityMetadata): Column[] {
  return metadata.columns.filter(isHiddenForeignKey);
}

export function isHiddenForeignKey(column: Column): boolean {
  return column.isVirtual && column.relationMetadata !== undefined && column.referencedColumn !== undefined;
}

/** Relations whose foreign key is in the entity's own row. */
export function owningRelations(metadata: EntityMetadata): RelationMetadata[] {
  return metadata.relationsWithJoinColumns;
}

/** Relations whose foreign keys are in other rows: one-to-many, many-to-many, the far side of one-to-one. */
export function collections(metadata: EntityMetadata): RelationMetadata[] {
  return metadata.relations.filter(isElsewhere);
}

/** Whether a column is stamped by TypeORM or the database with each write of the row. */
export function isStamped({ isDeleteDate, isUpdateDate, onUpdate }: Column): boolean {
  return isUpdateDate || isDeleteDate || onUpdate !== undefined;
}

/** Whether what a relation holds is written to other rows than the one of its entity. */
export function isElsewhere(relation: RelationMetadata): boolean {
  return relation.isManyToMany || !relation.isOwning;
}

/** Whether a column's value is in a property of the entity itself, whatever else that has. */
export function isPlainProperty({ embeddedMetadata, referencedColumn, relationMetadata }: Column): boolean {
  return embeddedMetadata === undefined && relationMetadata === undefined && referencedColumn === undefined;
}

/** The value of a column in an entity, or in values of its form; undefined when they do not say. Wakes no lazy relation. */
export function columnValue(column: Column, entity: ObjectLiteral): unknown {
  if (isPlainProperty(column)) return (entity as Readonly<Record<string, unknown>>)[column.propertyName];
  if (!isHiddenForeignKey(column)) return column.getEntityValue(entity) as unknown;
  const related: unknown = column.relationMetadata?.getEntityValue(entity);
  if (typeof related !== "object" || related === null || related instanceof Uint8Array) return related;
  return column.referencedColumn?.getEntityValue(related) as unknown;
}

/** Gives an entity the value of a column, if it has a property for it. */
export function setColumnValue(column: Column, entity: ObjectLiteral, value: unknown): void {
  if (!isHiddenForeignKey(column)) column.setEntityValue(entity, value);
}
