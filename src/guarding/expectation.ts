import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { originalValue, type Original } from "../tracking/original";

/** The token values a write relies on, as a property of the entity holds them. */
export type Expectation = ReadonlyMap<Column, unknown>;

export interface ExpectationResult {
  readonly expectation: Expectation;
  /** Property paths of tokens whose value nobody knows. */
  readonly missing: readonly string[];
}

/**
 * What a write of the entity relies on: of the row version the value in memory, so that an application can put
 * there the version its client was shown, and of the other tokens the original value, since the one in memory may
 * be the change. An entity that was never loaded is taken at its word.
 */
export function expectationOf(
  { metadata, rowVersion, tokens }: EntityDescription,
  original: Original | undefined,
  entity: ObjectLiteral,
): ExpectationResult {
  const expectation = new Map<Column, unknown>();
  const missing: string[] = [];
  for (const token of tokens) {
    const current: unknown = token.getEntityValue(entity);
    let value = current;
    if (original === undefined) {
      if (token === rowVersion && current !== undefined && isInitial(metadata, token, entity))
        value = undefined;
    } else if (token !== rowVersion || current === undefined) {
      value = originalValue(original, token);
    }
    if (value === undefined) missing.push(token.propertyPath);
    else expectation.set(token, value);
  }
  return { expectation, missing };
}

/** Token property path to value, as a conflict reports it. */
export function toRecord(expectation: Expectation): Record<string, unknown> {
  return Object.fromEntries([...expectation].map(([token, value]) => [token.propertyPath, value]));
}

// A version that the class itself puts into every new object (`version = 1` in its body) says nothing of any row.
function isInitial(metadata: EntityMetadata, version: Column, entity: ObjectLiteral): boolean {
  if (typeof metadata.target !== "function" || !(entity instanceof metadata.target)) return false;
  const fresh = metadata.create() as ObjectLiteral;
  return version.getEntityValue(entity) === version.getEntityValue(fresh);
}
