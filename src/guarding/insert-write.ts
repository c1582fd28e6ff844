import type { InsertQueryBuilder, InsertResult, ObjectLiteral, QueryRunner } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import { RowValues } from "../tracking/row-values";
import { metadataOf } from "./builder-targets";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow } from "./guarded-row";
import { rowKey } from "./row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { readTokens } from "./token-reader";
import { keepTokensFromMerge, returnedTokens } from "./written-tokens";

const initialVersion = 1;

/** Executes an INSERT. Inside a save it notes the rows that it made, with their tokens. */
export async function executeInsert(
  guard: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  valueSets: readonly ObjectLiteral[],
  execute: () => Promise<InsertResult>,
): Promise<InsertResult> {
  const scope = currentScope(guard);
  const { callListeners, onIgnore, onUpdate } = builder.expressionMap;
  const metadata = metadataOf(builder);
  const description = metadata && guard.describe(metadata);
  const origin = callListeners ? "listener" : "save";
  if (description === undefined) return runStatement(guard, scope, origin, execute);
  if (scope !== undefined && onUpdate === undefined && !onIgnore) {
    return runStatement(guard, scope, origin, () =>
      insertRows(guard, scope, description, builder, valueSets, execute),
    );
  }
  const result = await runStatement(guard, scope, origin, execute);
  // TypeORM has given them what the database returned; what they were loaded with is no longer what the row holds.
  for (const entity of valueSets) guard.tracker.forget(entity);
  return result;
}

async function insertRows(
  guard: Guard,
  scope: SaveScope,
  description: EntityDescription,
  builder: InsertQueryBuilder<ObjectLiteral>,
  valueSets: readonly ObjectLiteral[],
  execute: () => Promise<InsertResult>,
): Promise<InsertResult> {
  const { concurrencyTokens, metadata, rowVersion, tokens } = description;
  const { expressionMap } = builder;
  const written = valueSets.map((values) => RowValues.of(metadata, values));
  const versions = valueSets.map(
    (values) => (rowVersion?.getEntityValue(values) as unknown) ?? initialVersion,
  );
  const canReturn = guard.dataSource.driver.isReturningSqlSupported("insert");
  if (canReturn && concurrencyTokens.length > 0 && !expressionMap.returning) {
    expressionMap.returning = concurrencyTokens.map(({ propertyPath }) => propertyPath);
  }

  const result = await execute();
  // With "reload: false" TypeORM reports no keys, and only those that the application chose are known.
  const ids = valueSets.map((values, index) => result.identifiers[index] ?? values);
  const read = canReturn ? undefined : await readInsertedTokens(guard, builder, description, ids);
  ids.forEach((id, index) => {
    const key = rowKey(metadata, id);
    if (key === undefined) return;
    const returned = returnedTokens(
      guard,
      tokens,
      Array.isArray(result.raw) ? result.raw[index] : result.raw,
    );
    const known = new Map(rowVersion === undefined ? [] : [[rowVersion, versions[index]]]);
    const row = scope.rows.get(key) ?? new GuardedRow(key, description, metadata.getEntityIdMap(id) ?? id);
    scope.rows.set(key, row);
    const tokensAfter = new Map([...known, ...returned, ...(read?.get(key) ?? [])]);
    row.write(written[index] as RowValues, tokensAfter, result.generatedMaps[index]);
    if (result.generatedMaps.length > 0) keepTokensFromMerge(row, result, index);
  });
  return result;
}

// The version of a new row is known; other tokens are read back, since the database may have rounded, cut or filled
// in what it was sent.
async function readInsertedTokens(
  guard: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
): Promise<Map<string, Expectation> | undefined> {
  if (description.concurrencyTokens.length === 0) return undefined;
  const { queryRunner } = builder as unknown as { readonly queryRunner: QueryRunner };
  const keyed = ids.filter((id) => rowKey(description.metadata, id) !== undefined);
  return readTokens(guard, queryRunner, description, keyed);
}
