import type { ObjectLiteral } from "typeorm";
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
  { rowVersion, tokens }: EntityDescription,
  original: Original | undefined,
  entity: ObjectLiteral,
): ExpectationResult {
  const expectation = new Map<Column, unknown>();
  const missing: string[] = [];
  for (const token of tokens) {
    const current: unknown = token.getEntityValue(entity);
    const loaded = original === undefined ? undefined : originalValue(original, token);
    const value =
      original === undefined || (token === rowVersion && current !== undefined) ? current : loaded;
    if (value === undefined) missing.push(token.propertyPath);
    else expectation.set(token, value);
  }
  return { expectation, missing };
}

/** Token property path to value, as a conflict reports it. */
export function toRecord(expectation: Expectation): Record<string, unknown> {
  return Object.fromEntries([...expectation].map(([token, value]) => [token.propertyPath, value]));
}
