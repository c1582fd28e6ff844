import type { EntityMetadata } from "typeorm";
import type { RelationMetadata } from "./relation";
import { propertyReader, type PropertyReader } from "./property-reader";
import { collections, isPlainProperty, owningRelations, storedColumns, type Column } from "./column";

/** The parts of an entity that its original keeps. */
export interface Shape {
  readonly metadata: EntityMetadata;
  /** Columns of its row: those in properties, and others that the guard compares. */
  readonly columns: readonly Column[];
  /** Aligned with the columns: the property that has the value of a column, where no more than that is to be known. */
  readonly properties: readonly (string | undefined)[];
  /** Reads those properties; aligned with the columns. */
  readonly read: PropertyReader;
  /** Relations whose foreign key is in its row. */
  readonly relations: readonly RelationMetadata[];
  /** Relations whose foreign keys are in other rows. */
  readonly collections: readonly RelationMetadata[];
}

/** The shape of an entity, with columns besides those in properties. */
export function shapeOf(metadata: EntityMetadata, others: readonly Column[] = []): Shape {
  const columns = [...storedColumns(metadata), ...others];
  const properties = columns.map((column) => (isPlainProperty(column) ? column.propertyName : undefined));
  return Object.freeze({
    metadata,
    columns,
    properties,
    read: propertyReader(properties),
    relations: owningRelations(metadata),
    collections: collections(metadata),
  });
}
