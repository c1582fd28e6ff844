import type { EntityMetadata } from "typeorm";
import type { RelationMetadata } from "./relation";
import { collections, owningRelations, storedColumns, type Column } from "./column";

/** The parts of an entity that its original keeps. */
export interface Shape {
  readonly metadata: EntityMetadata;
  /** Columns of its row: those in properties, and others that the guard compares. */
  readonly columns: readonly Column[];
  /** Relations whose foreign key is in its row. */
  readonly relations: readonly RelationMetadata[];
  /** Relations whose foreign keys are in other rows. */
  readonly collections: readonly RelationMetadata[];
}

/** The shape of an entity, with columns besides those in properties. */
export function shapeOf(metadata: EntityMetadata, others: readonly Column[] = []): Shape {
  return Object.freeze({
    metadata,
    columns: [...storedColumns(metadata), ...others],
    relations: owningRelations(metadata),
    collections: collections(metadata),
  });
}
