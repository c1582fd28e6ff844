import type { EntityMetadata, RelationMetadata } from "typeorm";

/** TypeORM's ColumnMetadata, which its root does not export by name. */
export type Column = EntityMetadata["columns"][number];

/** Columns whose value lives in a property of the entity: not join columns without one, not computed columns. */
export function storedColumns(metadata: EntityMetadata): Column[] {
  return metadata.columns.filter((column) => !column.isVirtual && !column.isVirtualProperty);
}

/** Relations whose foreign key is in the entity's own row. */
export function owningRelations(metadata: EntityMetadata): RelationMetadata[] {
  return metadata.relationsWithJoinColumns;
}
