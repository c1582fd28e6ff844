import type { ObjectLiteral } from "typeorm";
import type { Conflict } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";
import type { EntityDescription } from "../metadata/entity-description";
import type { RelationMetadata } from "../metadata/relation";
import { isSameId } from "../tracking/entity-changes";
import { originalValue, type Original } from "../tracking/original";
import type { Guard } from "../guarding/guard";
import { replaceRelationValue } from "../guarding/relation-value";
import type { ConflictValues } from "./conflict-strategy";
import { comparableOf, fieldsOf, originalComparable, type Field } from "./field";
import { fieldChanges } from "./field-changes";
import { asObject, knownOriginal } from "./known-original";
import type { PresentRow } from "./present-rows";
import { propertyAt } from "./property-at";
import type { RelatedEntities } from "./related-entities";
import { isSameIn } from "./same-value";

/** A conflict that says which object was refused. */
export type EntityConflict = Conflict & { readonly entity: ObjectLiteral };

/** One object whose write was refused, and all that is known of its row. */
export interface RefusedEntity {
  readonly description: EntityDescription;
  readonly entity: ObjectLiteral;
  readonly fields: readonly Field[];
  /** What each field held when the object was refused, as {@link comparableOf} has it. */
  readonly before: ReadonlyMap<Field, unknown>;
  /** Undefined when the row is gone. */
  readonly present: Original | undefined;
  /** What its relations point to now: the entity, its key where the relation was not loaded, or null. */
  readonly related: ReadonlyMap<RelationMetadata, ObjectLiteral | null>;
  readonly values: ConflictValues;
}

/** Puts together what is known of one conflict. */
export async function refusedEntity(
  guard: Guard,
  description: EntityDescription,
  error: OptimisticLockError,
  conflict: EntityConflict,
  row: PresentRow | undefined,
  relatedEntities: RelatedEntities,
): Promise<RefusedEntity> {
  const { entity } = conflict;
  const fields = fieldsOf(description, entity);
  const before = new Map(fields.map((field) => [field, comparableOf(field, entity)]));
  const present = row?.values;
  const known = knownOriginal(guard, description, conflict);
  const original = known && asObject(known);
  const related = new Map<RelationMetadata, ObjectLiteral | null>();
  for (const field of fields) {
    const { relation } = field;
    if (relation === undefined) continue;
    const load = async (key: unknown): Promise<ObjectLiteral | null | undefined> =>
      relatedTo(relation, entity, before.get(field), key, relatedEntities);
    const keyNow = present && originalComparable(field, present);
    const keyThen = known && originalComparable(field, known);
    const now = await load(keyNow);
    const then = isSameId(keyThen, keyNow) ? now : await load(keyThen);
    if (now !== undefined) related.set(relation, now);
    if (row !== undefined && now !== undefined) replaceRelationValue(relation, row.entity, now);
    if (original !== undefined && then !== undefined) replaceRelationValue(relation, original, then);
  }
  const states = fields.map((field) => ({
    path: field.path,
    original: known && originalComparable(field, known),
    current: before.get(field),
    database: present && originalComparable(field, present),
    isSame: (left: unknown, right: unknown) => isSameIn(guard.dataSource.driver, field, left, right),
  }));
  return {
    description,
    entity,
    fields,
    before,
    present,
    related,
    values: {
      original,
      current: entity,
      database: row?.entity ?? null,
      conflict,
      error,
      ...fieldChanges(states, present !== undefined),
      isSoftDeleted: isSoftDeleted(description, present) && !isSoftDeleted(description, known),
    },
  };
}

// A relation that the entity has not loaded is not loaded for its sake either: the key says what it points to, and a lazy
// one is there to be awaited.
function relatedTo(
  relation: RelationMetadata,
  entity: ObjectLiteral,
  currentKey: unknown,
  key: unknown,
  relatedEntities: RelatedEntities,
): Promise<ObjectLiteral | null | undefined> | ObjectLiteral | null | undefined {
  const current = propertyAt(entity, relation.propertyPath);
  if (current === undefined && relation.isLazy) return undefined;
  if (typeof key !== "object" || key === null) return key === null ? null : undefined;
  if (current === undefined) return key;
  const isCurrent = typeof current === "object" && current !== null && isSameId(key, currentKey);
  return isCurrent ? current : relatedEntities.load(relation, key);
}

function isSoftDeleted(
  { metadata: { deleteDateColumn } }: EntityDescription,
  values: Original | undefined,
): boolean {
  if (deleteDateColumn === undefined || values === undefined) return false;
  return (originalValue(values, deleteDateColumn) ?? null) !== null;
}
