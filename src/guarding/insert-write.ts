import type { InsertQueryBuilder, InsertResult, ObjectLiteral } from "typeorm";
import { type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { RowValues } from "../tracking/row-values";
import { metadataOf } from "./builder-targets";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow } from "./guarded-row";
import { makeVersion } from "./next-version";
import { queryRunnerOf } from "./query-runner-of";
import { keepReinsertedKeys } from "./reinserted-key";
import { askForReturning } from "./returning";
import { rowKey } from "../metadata/row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { inOwnSubtransaction } from "./subtransaction";
import { readTokens } from "./token-reader";
import { isStoredAsSent, isToldByLoad, keepTokensFromMerge, returnedTokens } from "./written-tokens";

type InsertBuilder = InsertQueryBuilder<ObjectLiteral>;

const initialVersion = 1;

/** Executes an INSERT. Inside a save it notes the rows that it made, with their tokens. */
export async function executeInsert(
  guard: Guard,
  builder: InsertBuilder,
  valueSets: readonly ObjectLiteral[],
  execute: () => Promise<InsertResult>,
): Promise<InsertResult> {
  const scope = currentScope(guard);
  const { callListeners, onIgnore, onUpdate } = builder.expressionMap;
  const metadata = metadataOf(builder);
  const description = metadata && guard.describe(metadata);
  const origin = callListeners ? "listener" : "save";
  if (description === undefined) return runStatement(guard, scope, origin, builder, execute);
  for (const values of valueSets) {
    setFirstVersion(description, values, onUpdate !== undefined);
    if (scope !== undefined) setNextVersion(scope, description, values);
  }
  if (scope !== undefined && onUpdate === undefined && !onIgnore) {
    keepReinsertedKeys(guard, scope, description, builder, valueSets);
    return runStatement(guard, scope, origin, builder, () =>
      insertRows(guard, scope, description, builder, valueSets, execute),
    );
  }
  const result = await runStatement(guard, scope, origin, builder, () =>
    inOwnSubtransaction(guard, description, builder, execute),
  );
  // TypeORM has given them what the database returned; what they were loaded with is no longer what the row holds.
  for (const entity of valueSets) guard.tracker.forget(entity);
  return result;
}

// A version that the application makes is inserted, one that the database makes never is. What is upserted may replace a
// row, and then needs another version than it has had.
function setFirstVersion(
  { rowVersion, versionSource }: EntityDescription,
  values: ObjectLiteral,
  isUpsert: boolean,
): void {
  if (rowVersion === undefined) return;
  if (versionSource?.kind === "database") {
    if (rowVersion.getEntityValue(values) !== undefined) rowVersion.setEntityValue(values, undefined);
  } else if (
    versionSource?.kind === "application" &&
    (isUpsert || isUnset(rowVersion.getEntityValue(values)))
  ) {
    rowVersion.setEntityValue(values, makeVersion(rowVersion, versionSource.next, undefined, values));
  }
}

// An object whose row is gone and that is inserted again: copies of the row that was are not to pass for copies of this.
function setNextVersion(
  scope: SaveScope,
  { metadata, rowVersion, versionSource }: EntityDescription,
  values: ObjectLiteral,
): void {
  const key = rowKey(metadata, values);
  const row = key === undefined ? undefined : scope.rows.get(key);
  const version: unknown = rowVersion?.getEntityValue(values);
  if (rowVersion === undefined || row?.isSubject !== true || isUnset(version)) return;
  if (!row.subject.isRemoved && !(scope.isUnchecked && row.isTracked)) return;
  if (versionSource?.kind === "increment") rowVersion.setEntityValue(values, Number(version) + 1);
  else if (versionSource?.kind === "application") {
    rowVersion.setEntityValue(values, makeVersion(rowVersion, versionSource.next, version, values));
  }
}

function isUnset(value: unknown): boolean {
  return value === undefined || value === null;
}

async function insertRows(
  guard: Guard,
  scope: SaveScope,
  description: EntityDescription,
  builder: InsertBuilder,
  valueSets: readonly ObjectLiteral[],
  execute: () => Promise<InsertResult>,
): Promise<InsertResult> {
  const { metadata, shape, tokens } = description;
  const written = valueSets.map((values) => RowValues.ofInsert(shape, values));
  const known = valueSets.map((values) => knownVersion(guard, description, values));
  const canReturn = guard.dataSource.driver.isReturningSqlSupported("insert");
  if (canReturn) askForReturning(description, builder);

  const result = await execute();
  // With "reload: false" TypeORM reports no keys, and only those that the application chose are known.
  const ids = valueSets.map((values, index) => result.identifiers[index] ?? values);
  const isKnown = known.every((version) => version.size === tokens.length);
  const read = canReturn || isKnown ? undefined : await readInsertedTokens(guard, builder, description, ids);
  ids.forEach((id, index) => {
    const key = rowKey(metadata, id);
    if (key === undefined) return;
    const returned = returnedTokens(
      guard,
      tokens,
      Array.isArray(result.raw) ? result.raw[index] : result.raw,
    );
    const row = scope.rows.get(key) ?? new GuardedRow(key, description, metadata.getEntityIdMap(id) ?? id);
    scope.rows.set(key, row);
    const all = [...(known[index] ?? []), ...returned, ...(read?.get(key) ?? [])];
    const tokensAfter = new Map(
      all.filter(([token]) => written[index]?.has(token) === true || isToldByLoad(description, token)),
    );
    row.write(written[index] as RowValues, tokensAfter, result.generatedMaps[index]);
    if (result.generatedMaps.length > 0) keepTokensFromMerge(row, result, index);
  });
  return result;
}

function knownVersion(
  { dataSource: { driver } }: Guard,
  { rowVersion, versionSource }: EntityDescription,
  values: ObjectLiteral,
): ReadonlyMap<Column, unknown> {
  const value: unknown = rowVersion?.getEntityValue(values);
  if (rowVersion === undefined) return new Map();
  if (versionSource?.kind === "increment") return new Map([[rowVersion, value ?? initialVersion]]);
  const isKnown =
    versionSource?.kind === "application" && isStoredAsSent(driver.normalizeType(rowVersion), value);
  return isKnown ? new Map([[rowVersion, value]]) : new Map();
}

// The version of a new row may be known; other tokens are read back, since the database may have rounded, cut or filled
// in what it was sent.
async function readInsertedTokens(
  guard: Guard,
  builder: InsertBuilder,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
): Promise<Map<string, Expectation> | undefined> {
  const queryRunner = queryRunnerOf(builder);
  if (queryRunner === undefined) return undefined;
  const keyed = ids.filter((id) => rowKey(description.metadata, id) !== undefined);
  return readTokens(guard, queryRunner, description, keyed);
}
