import { columnValue, setColumnValue, type Column } from "../../metadata/column";
import type { Expectation } from "../expectation";
import type { Guard } from "../guard";
import type { GuardedRow } from "../guarded-row";
import type { DirectBatch } from "./direct-batch";
import type { DirectEntity } from "./direct-entity";
import type { DirectRow } from "./direct-row";
import { firstRow, rowNumber } from "./values-table";

/** What the database has in a column of a row after an UPDATE, as a property holds it; undefined for what is not known. */
export type AfterUpdate = (column: Column) => unknown;

type Returned = Readonly<Record<string, unknown>>;

/** What an UPDATE has returned of its rows. */
export function returnedRows(
  { dataSource: { driver } }: Guard,
  { form: { shape }, rows }: DirectBatch,
  records: readonly Returned[],
): ReadonlyMap<DirectRow, AfterUpdate> {
  const found = new Map<DirectRow, AfterUpdate>();
  if (shape.returned.length === 0) return found;
  for (const record of records) {
    const row = rows[rows.length === 1 ? 0 : Number(record[rowNumber]) - firstRow];
    if (row === undefined) continue;
    found.set(row, (column) => {
      const value = record[column.databaseName];
      return value === undefined ? undefined : (driver.prepareHydratedValue(value, column) as unknown);
    });
  }
  return found;
}

/** Notes in a save what an UPDATE has made of one of its rows, and gives the entity what TypeORM gives one it has updated. */
export function noteUpdated({ form: { entity }, row, written }: DirectRow, after: AfterUpdate): void {
  const object = row.subject.entity;
  for (const column of entity.nullable) {
    if (columnValue(column, object) === undefined) setColumnValue(column, object, null);
  }
  const generated = {};
  for (const column of entity.made) {
    const value = after(column);
    if (value === undefined) continue;
    column.setEntityValue(generated, value);
    setColumnValue(column, object, value);
  }
  row.write(written, tokensAfter(entity, row, after), generated);
}

/** Takes the keys out of the entities of rows that were deleted, as TypeORM does. */
export function noteRemoved({ form: { entity }, row }: DirectRow): void {
  row.isRemoved = true;
  for (const column of entity.keys) setColumnValue(column, row.subject.entity, undefined);
}

function tokensAfter(
  { description: { rowVersion, tokens } }: DirectEntity,
  row: GuardedRow,
  after: AfterUpdate,
): Expectation {
  const [before] = row.expectationsFor();
  const now = new Map<Column, unknown>();
  for (const token of tokens) {
    const expected = before?.get(token);
    const told = after(token);
    if (told !== undefined) now.set(token, told);
    else now.set(token, token === rowVersion ? Number(expected) + 1 : expected);
  }
  return now;
}
