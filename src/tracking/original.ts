import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { columnValue, type Column } from "../metadata/column";
import type { Shape } from "../metadata/shape";
import { keptValue, propertyValue } from "./kept-value";
import { copyValue } from "./value-copy";

/** What one entity looked like when it was last known to agree with its row. */
export interface Original {
  readonly shape: Shape;
  /** Aligned with `shape.columns`, in the form that is kept; undefined was not loaded. */
  readonly values: readonly unknown[];
  /** Aligned with `shape.relations`: the related row's key as id map, bare id or null; undefined was not loaded. */
  readonly relatedIds: readonly unknown[];
  /** Aligned with `shape.collections`: the keys of the members; undefined was not loaded. */
  readonly memberIds: readonly (readonly ObjectLiteral[] | undefined)[];
}

/** Values of an entity's row that no property of it holds. */
export type HiddenValues = ReadonlyMap<Column, unknown>;

/** Takes the entity's present state as its original one. */
export function takeOriginal(shape: Shape, entity: ObjectLiteral, hidden?: HiddenValues): Original {
  const { collections, relations } = shape;
  return {
    shape,
    values: keptValues(shape, entity, hidden),
    relatedIds: relations.length === 0 ? none : relations.map((relation) => relatedIdOf(relation, entity)),
    memberIds:
      collections.length === 0
        ? none
        : collections.map((relation) => memberIdsOf(relation, membersOf(relation, entity))),
  };
}

function keptValues(
  { columns, properties, read }: Shape,
  entity: ObjectLiteral,
  hidden?: HiddenValues,
): unknown[] {
  const values = read(entity);
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] as Column;
    let value = values[index];
    if (hidden?.has(column) === true) value = hidden.get(column);
    else if (properties[index] === undefined) value = columnValue(column, entity);
    values[index] = typeof value === "string" || value === null ? value : keptValue(column, value);
  }
  return values;
}

const none: readonly never[] = Object.freeze([]);

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

/** The key of the row an owning relation points to, by the relation or by the foreign key's own property. */
export function currentRelatedId(relation: RelationMetadata, entity: ObjectLiteral): unknown {
  return relatedIdOf(relation, entity) ?? idOf(relation, (column) => columnValue(column, entity));
}

/**
 * The key that an owning relation pointed to: as it was loaded or, where only its foreign key was, made from that.
 * Undefined when neither was.
 */
export function originalRelatedId(original: Original, relation: RelationMetadata): unknown {
  const related = original.relatedIds[original.shape.relations.indexOf(relation)];
  if (related !== undefined) return copyValue(related);
  return idOf(relation, (column) => originalValue(original, column));
}

// Undefined where a part of the foreign key is not known, null where one is null.
function idOf({ joinColumns }: RelationMetadata, valueOf: (column: Column) => unknown): unknown {
  const values = joinColumns.map(valueOf);
  if (values.length === 0 || values.includes(undefined)) return undefined;
  if (values.includes(null)) return null;
  const id: ObjectLiteral = {};
  joinColumns.forEach((column, index) => column.referencedColumn?.setEntityValue(id, values[index]));
  return id;
}

/** The entities that a collection holds; undefined when it is not loaded. */
export function membersOf(relation: RelationMetadata, entity: ObjectLiteral): ObjectLiteral[] | undefined {
  const value: unknown = relation.getEntityValue(entity);
  if (value === undefined) return undefined;
  return [value ?? []].flat().filter((member) => typeof member === "object" && member !== null);
}

/** The keys of those members that have one. */
export function memberIdsOf(
  { inverseEntityMetadata }: RelationMetadata,
  members: readonly ObjectLiteral[] | undefined,
): ObjectLiteral[] | undefined {
  return members?.flatMap((member) => inverseEntityMetadata.getEntityIdMap(member) ?? []);
}

/** The keys of the members that a collection had; undefined when it was not loaded. */
export function originalMemberIds(
  original: Original,
  relation: RelationMetadata,
): readonly ObjectLiteral[] | undefined {
  return original.memberIds[original.shape.collections.indexOf(relation)];
}

/** The same original with another value of one column. */
export function withValue(original: Original, column: Column, value: unknown): Original {
  const kept = keptValue(column, value);
  return {
    ...original,
    values: original.values.map((before, index) =>
      original.shape.columns[index] === column ? kept : before,
    ),
  };
}

/** The same original with other members of its collections, where `members` tells them. */
export function withMembers(
  original: Original,
  members: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]>,
): Original {
  return {
    ...original,
    memberIds: original.shape.collections.map((relation, index) =>
      members.has(relation) ? memberIdsOf(relation, members.get(relation)) : original.memberIds[index],
    ),
  };
}

/** The same original with what one of its relations, by property path, has held all the time. */
export function withRelated(
  original: Original,
  { propertyPath }: RelationMetadata,
  related: readonly ObjectLiteral[],
): Original {
  const { collections, relations } = original.shape;
  return {
    ...original,
    relatedIds: original.relatedIds.map((known, index) => {
      const relation = relations[index];
      if (known !== undefined || relation?.propertyPath !== propertyPath) return known;
      return related[0] === undefined ? null : copyValue(relation.getRelationIdMap(related[0]));
    }),
    memberIds: original.memberIds.map((known, index) => {
      const relation = collections[index];
      return known !== undefined || relation?.propertyPath !== propertyPath
        ? known
        : memberIdsOf(relation, related);
    }),
  };
}
