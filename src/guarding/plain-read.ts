import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import { isPlainProperty, type Column } from "../metadata/column";
import { isBoundAsWritten } from "./bound-value";
import { escapedTable } from "./escaped-table";
import type { Guard } from "./guard";
import { placeholders } from "./placeholders";

export interface PlainRead {
  readonly metadata: EntityMetadata;
  /** What is read besides the key. */
  readonly columns: readonly Column[];
  readonly ids: readonly ObjectLiteral[];
  /** Whether the rows stay as they are until the transaction ends. */
  readonly locks: boolean;
}

/**
 * Reads columns of rows in the form of entities, without a query builder, which takes longer than the database does.
 *
 * @returns undefined where the key has several columns, or a column or a key is more than a value in a property.
 */
export async function readPlainRows(
  guard: Guard,
  queryRunner: QueryRunner,
  { columns, ids, locks, metadata }: PlainRead,
): Promise<ObjectLiteral[] | undefined> {
  const { driver } = guard.dataSource;
  const [key, ...otherKeys] = metadata.primaryColumns;
  if (key === undefined || otherKeys.length > 0) return undefined;
  const selected = [...new Set([key, ...columns])];
  const isPlain =
    guard.dialect !== "other" &&
    metadata.discriminatorColumn === undefined &&
    selected.every((column) => isPlainColumn(guard, column));
  const values = ids.map((id) => key.getEntityValue(id, true) as unknown);
  if (!isPlain || !values.every((value) => isPlainKey(guard, key, value))) return undefined;
  const names = selected.map(({ databaseName }) => driver.escape(databaseName));
  const next = placeholders(guard.dialect);
  const keys = values.map(() => next()).join(", ");
  const sql = `SELECT ${names.join(", ")} FROM ${escapedTable(guard.dataSource, metadata)} WHERE ${names[0]} IN (${keys})`;
  const result = (await queryRunner.query(locks ? `${sql} FOR UPDATE` : sql, values, true)) as {
    readonly records: readonly Readonly<Record<string, unknown>>[];
  };
  return result.records.map((record) => {
    const row: ObjectLiteral = {};
    for (const each of selected) {
      each.setEntityValue(row, driver.prepareHydratedValue(record[each.databaseName], each));
    }
    return row;
  });
}

function isPlainKey(guard: Guard, key: Column, value: unknown): boolean {
  return (
    (typeof value === "string" || typeof value === "number" || typeof value === "bigint") &&
    isBoundAsWritten(guard, key, value)
  );
}

function isPlainColumn({ dataSource: { driver } }: Guard, column: Column): boolean {
  return (
    isPlainProperty(column) &&
    !column.isVirtual &&
    !column.isVirtualProperty &&
    !driver.spatialTypes.includes(column.type as never)
  );
}
