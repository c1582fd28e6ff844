import type { InsertQueryBuilder, InsertResult, ObjectLiteral, QueryRunner } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { RowValues } from "../tracking/row-values";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { GuardedRow } from "./guarded-row";
import { rowKey } from "./row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { readTokens } from "./token-reader";

const initialVersion = 1;

/** Executes an INSERT. Inside a save it notes the rows that it made, with their tokens. */
export async function executeInsert(
  guard: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  valueSets: readonly ObjectLiteral[],
  execute: () => Promise<InsertResult>,
): Promise<InsertResult> {
  const scope = currentScope(guard);
  if (scope === undefined) return execute();
  const { expressionMap } = builder;
  const metadata = expressionMap.mainAlias?.hasMetadata ? expressionMap.mainAlias.metadata : undefined;
  const description = metadata && guard.describe(metadata);
  const isUpsert = expressionMap.onUpdate !== undefined || expressionMap.onIgnore;
  if (description === undefined || isUpsert) return runStatement(guard, scope, false, execute);
  return runStatement(guard, scope, false, async () => {
    const written = valueSets.map((values) => RowValues.of(description.metadata, values));
    const canReturn = guard.dataSource.driver.isReturningSqlSupported("insert");
    if (canReturn && description.concurrencyTokens.length > 0 && !expressionMap.returning) {
      expressionMap.returning = description.concurrencyTokens.map(({ propertyPath }) => propertyPath);
    }
    const versions = valueSets.map((values) => initialVersionOf(description, values));
    const result = await execute();
    // With "reload: false" TypeORM reports no keys, and only those that the application chose are known.
    const ids = valueSets.map((values, index) => result.identifiers[index] ?? values);
    const tokens = canReturn
      ? ids.map((_, index) => returnedTokens(guard, description, result, index, versions[index]))
      : await readInsertedTokens(guard, builder, description, ids, versions);
    ids.forEach((id, index) => {
      noteInserted(scope, description, id, written[index], tokens[index]);
    });
    return result;
  });
}

function initialVersionOf({ rowVersion }: EntityDescription, values: ObjectLiteral): unknown {
  return (rowVersion?.getEntityValue(values) as unknown) ?? initialVersion;
}

function returnedTokens(
  { dataSource: { driver } }: Guard,
  { tokens, rowVersion }: EntityDescription,
  result: InsertResult,
  index: number,
  version: unknown,
): Expectation {
  const raw: unknown = Array.isArray(result.raw) ? (result.raw as unknown[])[index] : result.raw;
  const returned = (typeof raw === "object" && raw !== null ? raw : {}) as Readonly<Record<string, unknown>>;
  const known = new Map<Column, unknown>();
  for (const token of tokens) {
    if (token.databaseName in returned) {
      known.set(token, driver.prepareHydratedValue(returned[token.databaseName], token));
    } else if (token === rowVersion) known.set(token, version);
  }
  return known;
}

// The version of a new row is known; other tokens are read back, since the database may have rounded, cut or filled
// in what it was sent.
async function readInsertedTokens(
  guard: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
  versions: readonly unknown[],
): Promise<Expectation[]> {
  const { concurrencyTokens, metadata, rowVersion } = description;
  const { queryRunner } = builder as unknown as { readonly queryRunner: QueryRunner };
  const keyed = ids.filter((id) => rowKey(metadata, id) !== undefined);
  const read =
    concurrencyTokens.length === 0 ? undefined : await readTokens(guard, queryRunner, description, keyed);
  return ids.map((id, index) => {
    const known = new Map(read?.get(rowKey(metadata, id) ?? ""));
    if (rowVersion !== undefined) known.set(rowVersion, versions[index]);
    return known;
  });
}

function noteInserted(
  scope: SaveScope,
  description: EntityDescription,
  id: ObjectLiteral,
  written: RowValues | undefined,
  tokens: Expectation | undefined,
): void {
  const key = rowKey(description.metadata, id);
  if (key === undefined || written === undefined || tokens === undefined) return;
  const row =
    scope.rows.get(key) ?? new GuardedRow(key, description, description.metadata.getEntityIdMap(id) ?? id);
  row.advance(written, tokens);
  scope.rows.set(key, row);
}
