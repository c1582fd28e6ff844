import type { ObjectLiteral, QueryRunner, UpdateQueryBuilder, UpdateResult } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { Column } from "../metadata/column";
import { RowValues } from "../tracking/row-values";
import type { SoftDeleteBuilder } from "./builder-class";
import { targetsOf } from "./builder-targets";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { rowCondition } from "./row-condition";
import { isWholeKey, rowKey } from "./row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { requireCount } from "./required-count";
import { isAsExpected, readTokens } from "./token-reader";

export type RowBuilder = UpdateQueryBuilder<ObjectLiteral> | SoftDeleteBuilder;

/**
 * Executes an UPDATE, soft-delete or restore. Inside a save the row it writes by key is written under the
 * condition that it is as the save expects; elsewhere there is no loaded entity to check.
 *
 * @param values what the statement sets, in the form of an entity.
 */
export async function executeRowWrite(
  guard: Guard,
  builder: RowBuilder,
  values: ObjectLiteral,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  const scope = currentScope(guard);
  const row = scope && targetRow(scope, builder);
  const isOfSave = builder.expressionMap.whereEntities.length > 0 && !builder.expressionMap.callListeners;
  if (scope !== undefined && row !== undefined) {
    return runStatement(guard, scope, isOfSave, () => writeRow(guard, scope, row, builder, values, execute));
  }
  const metadata = metadataOf(builder);
  if (isOfSave && metadata !== undefined && guard.describe(metadata) !== undefined) {
    throw new UncheckedWriteError(
      metadata.name,
      `was saved on a way that the guard does not see, by an EntityManager that is older than the guard or that ` +
        `was made without it. Call guardDataSource before anything takes a manager or repository from the DataSource.`,
    );
  }
  return runStatement(guard, scope, false, execute);
}

function targetRow(scope: SaveScope, builder: RowBuilder): GuardedRow | undefined {
  const metadata = metadataOf(builder);
  const [id, ...others] = targetsOf(builder);
  if (metadata === undefined || id === undefined || others.length > 0 || !isWholeKey(metadata, id))
    return undefined;
  const key = rowKey(metadata, id);
  return key === undefined ? undefined : scope.rows.get(key);
}

function metadataOf({
  expressionMap: { mainAlias },
}: RowBuilder): GuardedRow["description"]["metadata"] | undefined {
  return mainAlias?.hasMetadata ? mainAlias.metadata : undefined;
}

async function writeRow(
  guard: Guard,
  scope: SaveScope,
  row: GuardedRow,
  builder: RowBuilder,
  values: ObjectLiteral,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  decideOnMissingToken(guard, row, scope.callSite);
  const condition = rowCondition(guard, row, "expected_");
  if (condition !== undefined) builder.andWhere(condition.sql, condition.parameters);
  const written = RowValues.of(row.description.metadata, values);
  askForTokens(guard, row, builder);

  const result = await execute();
  const affected = requireCount(guard, row, result.affected);
  if (condition !== undefined && affected === 0) {
    if (builder.expressionMap.queryType === "update" || !(await isUnchangedRow(guard, row, builder))) {
      scope.refuse([row]);
    }
    return result;
  }
  if (affected === 0) return result;
  row.advance(written, await tokensAfter(guard, row, builder, written, result));
  return result;
}

// Asks the statement for the tokens where the database can return them, and leaves out TypeORM's SELECT after it
// where the only thing it would fetch is the version that is known anyway.
function askForTokens(
  { dataSource: { driver } }: Guard,
  row: GuardedRow,
  { expressionMap }: RowBuilder,
): void {
  const { metadata, concurrencyTokens, rowVersion } = row.description;
  if (driver.isReturningSqlSupported("update")) {
    if (concurrencyTokens.length > 0 && !expressionMap.returning) {
      expressionMap.returning = concurrencyTokens.map(({ propertyPath }) => propertyPath);
    }
  } else if (rowVersion !== undefined && row.expectations.every((expected) => expected.has(rowVersion))) {
    const isSoft = expressionMap.queryType !== "update";
    const fetched = metadata.columns.some(
      (column) => column.asExpression !== undefined || column.isUpdateDate || (isSoft && column.isDeleteDate),
    );
    if (!fetched) expressionMap.updateEntity = false;
  }
}

// TypeORM soft-deletes only rows that are not, and restores only rows that are: a row that is so already, with the
// expected tokens, is what its writer wanted.
async function isUnchangedRow(guard: Guard, row: GuardedRow, builder: RowBuilder): Promise<boolean> {
  const actual = await readRowTokens(guard, row, builder);
  return row.expectations.every((expected) => isAsExpected(guard, expected, actual));
}

async function tokensAfter(
  guard: Guard,
  row: GuardedRow,
  builder: RowBuilder,
  written: RowValues,
  result: UpdateResult,
): Promise<Expectation> {
  const { driver } = guard.dataSource;
  const { rowVersion, tokens } = row.description;
  const returned: unknown = Array.isArray(result.raw) ? (result.raw as unknown[])[0] : undefined;
  const [expected] = row.expectations;
  const known = new Map<Column, unknown>();
  for (const token of tokens) {
    if (isRecord(returned) && token.databaseName in returned) {
      known.set(token, driver.prepareHydratedValue(returned[token.databaseName], token));
    } else if (token === rowVersion && expected?.has(token)) {
      known.set(token, Number(expected.get(token) ?? 0) + 1);
    } else if (token !== rowVersion && !written.has(token) && !token.isUpdateDate && !token.isDeleteDate) {
      if (expected?.has(token)) known.set(token, expected.get(token));
    }
  }
  if (known.size === tokens.length) return known;
  return new Map([...((await readRowTokens(guard, row, builder)) ?? []), ...known]);
}

async function readRowTokens(
  guard: Guard,
  row: GuardedRow,
  builder: RowBuilder,
): Promise<Expectation | undefined> {
  // TypeORM's persistence makes its builders with the save's own query runner; the types keep it protected.
  const { queryRunner } = builder as unknown as { readonly queryRunner: QueryRunner };
  return (await readTokens(guard, queryRunner, row.description, [row.id])).get(row.key);
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null;
}
