import type { EntityMetadata, ObjectLiteral, RelationMetadata } from "typeorm";
import { owningRelations, storedColumns, type Column } from "../metadata/column";
import { keptValue, propertyValue } from "./kept-value";
import { copyValue } from "./value-copy";

/** What one entity looked like when it was last known to agree with its row. */
export interface Original {
  readonly shape: Shape;
  /** Aligned with `shape.columns`, in the form that is kept; undefined was not loaded. */
  readonly values: readonly unknown[];
  /** Aligned with `shape.relations`: the related row's key as id map, bare id or null; undefined was not loaded. */
  readonly relatedIds: readonly unknown[];
}

/** The parts of an entity that its own row holds, worked out once per entity metadata. */
export interface Shape {
  readonly metadata: EntityMetadata;
  readonly columns: readonly Column[];
  readonly relations: readonly RelationMetadata[];
}

const shapes = new WeakMap<EntityMetadata, Shape>();

export function shapeOf(metadata: EntityMetadata): Shape {
  let shape = shapes.get(metadata);
  if (shape === undefined) {
    shape = { metadata, columns: storedColumns(metadata), relations: owningRelations(metadata) };
    shapes.set(metadata, shape);
  }
  return shape;
}

/** Takes the entity's present state as its original one. */
export function takeOriginal(metadata: EntityMetadata, entity: ObjectLiteral): Original {
  const shape = shapeOf(metadata);
  return {
    shape,
    values: shape.columns.map((column) => keptValue(column, column.getEntityValue(entity))),
    relatedIds: shape.relations.map((relation) => relatedIdOf(relation, entity)),
  };
}

/** The original value of a column as a property of the entity would hold it; undefined when it was not loaded. */
export function originalValue(original: Original, column: Column): unknown {
  return propertyValue(column, original.values[original.shape.columns.indexOf(column)]);
}

/** The key of the row an owning relation points to, undefined when the entity does not say. */
export function relatedIdOf(relation: RelationMetadata, entity: ObjectLiteral): unknown {
  const related: unknown = relation.getEntityValue(entity);
  if (typeof related !== "object" || related === null) return related;
  return copyValue(relation.getRelationIdMap(related));
}

/**
 * The key that an owning relation pointed to: as it was loaded or, where only the foreign key's own property was,
 * made from that. Undefined when neither was.
 */
export function originalRelatedId(original: Original, relation: RelationMetadata): unknown {
  const related = original.relatedIds[original.shape.relations.indexOf(relation)];
  if (related !== undefined) return copyValue(related);
  const values = relation.joinColumns.map((column) => originalValue(original, column));
  if (values.length === 0 || values.includes(undefined)) return undefined;
  if (values.includes(null)) return null;
  const id: ObjectLiteral = {};
  relation.joinColumns.forEach((column, index) => column.referencedColumn?.setEntityValue(id, values[index]));
  return id;
}
