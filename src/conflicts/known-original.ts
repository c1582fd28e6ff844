import type { ObjectLiteral } from "typeorm";
import type { Conflict } from "../errors/conflict";
import { setColumnValue } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { originalValue, type Original } from "../tracking/original";
import type { Guard } from "../guarding/guard";
import { isAsExpected } from "../guarding/token-reader";
import { propertyAt } from "./property-at";

/**
 * What a refused object was loaded with, if that is the state its caller relies on. A client may have edited an older
 * one, of which nobody knows what it was like; then it does not tell what the client has changed.
 */
export function knownOriginal(
  guard: Guard,
  { tokens }: EntityDescription,
  { entity, expected }: Conflict,
): Original | undefined {
  const original = entity && guard.tracker.originalOf(entity);
  if (original === undefined) return undefined;
  const relied = tokens.filter(({ propertyPath }) => Object.hasOwn(expected, propertyPath));
  const isKnown = isAsExpected(
    guard,
    new Map(relied.map((token) => [token, expected[token.propertyPath]])),
    new Map(relied.map((token) => [token, originalValue(original, token)])),
  );
  return isKnown ? original : undefined;
}

/** An original as an object of its class, without relations. What was not loaded is undefined. */
export function asObject(original: Original): ObjectLiteral {
  const { columns, metadata } = original.shape;
  const object = metadata.create(undefined, { fromDeserializer: true }) as ObjectLiteral;
  for (const column of columns) {
    const value = originalValue(original, column);
    // A class may give its new objects values.
    if (value !== undefined || propertyAt(object, column.propertyPath) !== undefined)
      setColumnValue(column, object, value);
  }
  return object;
}
