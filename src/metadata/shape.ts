import type { EntityMetadata } from "typeorm";
import type { RelationMetadata } from "./relation";
import { collections, isPlainProperty, owningRelations, storedColumns, type Column } from "./column";

/** The parts of an entity that its original keeps. */
export interface Shape {
  readonly metadata: EntityMetadata;
  /** Columns of its row: those in properties, and others that the guard compares. */
  readonly columns: readonly Column[];
  /** Aligned with the columns: the property that has the value of a column, where no more than that is to be known. */
  readonly properties: readonly (string | undefined)[];
  /** Relations whose foreign key is in its row. */
  readonly relations: readonly RelationMetadata[];
  /** Relations whose foreign keys are in other rows. */
  readonly collections: readonly RelationMetadata[];
}

/** The shape of an entity, with columns besides those in properties. */
export function shapeOf(metadata: EntityMetadata, others: readonly Column[] = []): Shape {
  const columns = [...storedColumns(metadata), ...others];
  return Object.freeze({
    metadata,
    columns,
    properties: columns.map((column) => (isPlainProperty(column) ? column.propertyName : undefined)),
    relations: owningRelations(metadata),
    collections: collections(metadata),
  });
}
