import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { columnValue, isHiddenForeignKey, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { originalValue, type Original } from "../tracking/original";

/** The token values a write relies on, as a property of the entity holds them. */
export type Expectation = ReadonlyMap<Column, unknown>;

export interface ExpectationResult {
  readonly expectation: Expectation;
  /** Tokens whose value nobody knows. */
  readonly missing: readonly Column[];
}

/** A set of columns, as far as anybody asks. */
export interface Columns {
  has(column: Column): boolean;
}

/**
 * What a write of the entity relies on: of the row version the value in memory, so that an application can put
 * there the version its client was shown, and of the other tokens the original value, since the one in memory may
 * be the change. An entity that was never loaded is taken at its word, but for columns that are compared: of those its
 * word is the change.
 *
 * @param named what the caller has named by `expectVersion`, which goes before all else.
 */
export function expectationOf(
  { compared, metadata, rowVersion, tokens }: EntityDescription,
  original: Original | undefined,
  entity: ObjectLiteral,
  named?: Expectation,
): ExpectationResult {
  const expectation = new Map<Column, unknown>();
  const missing: Column[] = [];
  for (const token of tokens) {
    const current = columnValue(token, entity);
    let value = current;
    if (named?.has(token) === true) value = named.get(token);
    else if (original === undefined) {
      const isInitialVersion =
        token === rowVersion && current !== undefined && isInitial(metadata, token, entity);
      if (isInitialVersion || compared.has(token)) value = undefined;
    } else if (token !== rowVersion || current === undefined) {
      value = originalValue(original, token);
    }
    if (value === undefined) missing.push(token);
    else expectation.set(token, value);
  }
  return { expectation, missing };
}

/**
 * Whether a token must hold for a write of `changed` columns; undefined stands for a write of the row as a whole, a
 * remove for one. Declared tokens always must; compared columns as the entity's optimistic locking says, except that
 * those with `select: false` may be unknown while nobody changes them.
 */
export function isRelevant(
  { compare, compared }: EntityDescription,
  token: Column,
  isKnown: boolean,
  changed: Columns | undefined,
): boolean {
  if (!compared.has(token)) return true;
  const isChanged = changed?.has(token) ?? false;
  if (compare === "changed-columns" && changed !== undefined) return isChanged;
  return isKnown || isChanged || token.isSelect || isHiddenForeignKey(token);
}

/** Token property path to value, as a conflict reports it, of the tokens that meet a condition. */
export function toRecord(
  expectation: Expectation,
  isWanted: (token: Column) => boolean = () => true,
): Record<string, unknown> {
  const record: Record<string, unknown> = {};
  for (const [token, value] of expectation) if (isWanted(token)) record[token.propertyPath] = value;
  return record;
}

// A version that the class itself puts into every new object (`version = 1` in its body) says nothing of any row.
function isInitial(metadata: EntityMetadata, version: Column, entity: ObjectLiteral): boolean {
  if (typeof metadata.target !== "function" || !(entity instanceof metadata.target)) return false;
  const fresh = metadata.create() as ObjectLiteral;
  return version.getEntityValue(entity) === version.getEntityValue(fresh);
}
