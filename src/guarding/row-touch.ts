import type { ObjectLiteral, QueryRunner, UpdateQueryBuilder } from "typeorm";
import { storedColumns } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { writtenColumns } from "../tracking/row-values";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { asOwnStatement } from "./own-statements";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";
import { currentScope } from "./save-flow";
import { planVersion } from "./statement-version";
import { inOwnSubtransaction } from "./subtransaction";
import { isUnversionedWrite, versionFor } from "./version-plan";
import { askForTokens, tokensAfter } from "./written-tokens";

/**
 * Raises the version of a row and changes nothing else, under the condition that it is as expected.
 *
 * @param queryRunner one in whose transaction the tokens can be read back.
 * @returns the row's tokens after it; undefined when no such row was found.
 */
export async function raiseRow(
  guard: Guard,
  queryRunner: QueryRunner,
  row: GuardedRow,
): Promise<Expectation | undefined> {
  return updateRow(guard, queryRunner, row, {});
}

/** Updates a row with some values, and its version, under the condition that it is as expected; see {@link raiseRow}. */
export async function updateRow(
  guard: Guard,
  queryRunner: QueryRunner,
  row: GuardedRow,
  values: ObjectLiteral,
  { callsListeners = false }: { readonly callsListeners?: boolean } = {},
): Promise<Expectation | undefined> {
  const { description } = row;
  const isTouch = Object.keys(values).length === 0;
  const builder: UpdateQueryBuilder<ObjectLiteral> = guard.dataSource
    .createQueryBuilder(queryRunner)
    .update(description.metadata.target)
    .set(isTouch ? touchingValues(guard, description) : values)
    .whereInIds([row.id])
    .callListeners(callsListeners)
    .updateEntity(false);
  // In a listener of a save that has written the row already, its own objects do not know yet.
  const running = currentScope(guard)?.findRow(row.key);
  const isOvertaken = running?.tokensAfter !== undefined && row.subject.expectedBy === "load";
  const expectations = isOvertaken ? running.expectationsFor() : row.expectationsFor();
  const condition = rowCondition(guard, description, expectations, "expected_");
  if (condition !== undefined) builder.andWhere(condition.sql, condition.parameters);
  const written = writtenColumns(description.shape, values);
  const isUnversioned = isUnversionedWrite(description, written);
  planVersion(
    builder,
    isTouch ? touchedVersion(row) : isUnversioned ? { step: "keep" } : versionFor(description, row, values),
  );
  askForTokens(guard, row, builder, written);
  const result = await inOwnSubtransaction(guard, description, builder, () =>
    asOwnStatement(builder).execute(),
  );
  if (requireCount(guard, row, result.affected) === 0) return undefined;
  const tokens = await tokensAfter(guard, row, builder, written, result, expectations[0]);
  running?.advance(tokens);
  return tokens;
}

// TypeORM raises its own version column in every UPDATE; for the others there has to be something in SET.
function touchingValues(
  { dataSource: { driver } }: Guard,
  { metadata, rowVersion, versionSource }: EntityDescription,
): ObjectLiteral {
  if (versionSource?.kind === "increment") return {};
  const columns = storedColumns(metadata).filter(
    (column) => column.isUpdate && column.asExpression === undefined && column !== rowVersion,
  );
  const plain = columns.filter(({ isGenerated }) => !isGenerated);
  const column = plain.find(({ isPrimary }) => !isPrimary) ?? plain[0] ?? columns[0];
  return column?.createValueMap(() => driver.escape(column.databaseName)) ?? {};
}

// ON UPDATE CURRENT_TIMESTAMP stamps only rows that the UPDATE changes.
function touchedVersion(row: GuardedRow): ReturnType<typeof versionFor> {
  const { rowVersion, versionSource } = row.description;
  const onUpdate = versionSource?.kind === "database" ? rowVersion?.onUpdate : undefined;
  return onUpdate === undefined
    ? versionFor(row.description, row, row.objects[0]?.entity ?? {})
    : { step: "set", value: () => onUpdate };
}
