import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** A row that is about to be written. */
export interface WrittenRow {
  readonly metadata: EntityMetadata;
  /** An object of its key properties. */
  readonly id: ObjectLiteral;
}
