import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import { isPlainProperty, type Column } from "../metadata/column";
import { isBoundAsWritten } from "./bound-value";
import { escapedTable } from "./escaped-table";
import type { Guard } from "./guard";
import { placeholders } from "./placeholders";

export interface PlainRead {
  readonly metadata: EntityMetadata;
  /** What is read besides the key: of this entity, in an array that is always the same one. */
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
export function readPlainRows(
  guard: Guard,
  queryRunner: QueryRunner,
  { columns, ids, locks, metadata }: PlainRead,
): Promise<ObjectLiteral[]> | undefined {
  const { driver } = guard.dataSource;
  const select = plainSelect(guard, metadata, columns);
  if (select === undefined) return undefined;
  const { key, selected } = select;
  const values = ids.map((id) => key.getEntityValue(id, true) as unknown);
  if (!values.every((value) => isPlainKey(guard, key, value))) return undefined;
  const next = placeholders(guard.dialect);
  const sql = `${select.sql} IN (${values.map(() => next()).join(", ")})`;
  const reading = queryRunner.query(locks ? `${sql} FOR UPDATE` : sql, values, true) as Promise<Result>;
  return reading.then(({ records }) =>
    records.map((record) => {
      const row: ObjectLiteral = {};
      for (const column of selected) {
        row[column.propertyName] = driver.prepareHydratedValue(
          record[column.databaseName],
          column,
        ) as unknown;
      }
      return row;
    }),
  );
}

/** What is the same whatever the rows are. */
interface PlainSelect {
  readonly key: Column;
  readonly selected: readonly Column[];
  /** As far as the key, which is compared last. */
  readonly sql: string;
}

const selects = new WeakMap<readonly Column[], PlainSelect | null>();

function plainSelect(
  guard: Guard,
  metadata: EntityMetadata,
  columns: readonly Column[],
): PlainSelect | undefined {
  let select = selects.get(columns);
  if (select === undefined) {
    select = makeSelect(guard, metadata, columns) ?? null;
    selects.set(columns, select);
  }
  return select ?? undefined;
}

function makeSelect(
  guard: Guard,
  metadata: EntityMetadata,
  columns: readonly Column[],
): PlainSelect | undefined {
  const { dataSource, dialect } = guard;
  const [key, ...otherKeys] = metadata.primaryColumns;
  if (key === undefined || otherKeys.length > 0) return undefined;
  const selected = [...new Set([key, ...columns])];
  const isPlain =
    dialect !== "other" &&
    metadata.discriminatorColumn === undefined &&
    selected.every((column) => isPlainColumn(guard, column));
  if (!isPlain) return undefined;
  const names = selected.map(({ databaseName }) => dataSource.driver.escape(databaseName));
  const sql = `SELECT ${names.join(", ")} FROM ${escapedTable(dataSource, metadata)} WHERE ${names[0]}`;
  return { key, selected, sql };
}

interface Result {
  readonly records: readonly Readonly<Record<string, unknown>>[];
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
