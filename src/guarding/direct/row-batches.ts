import type { DirectRow } from "./direct-row";
import type { RowForm } from "./row-form";

type Rows = [DirectRow, ...DirectRow[]];

const rowsInStatement = 1000;
const valuesInStatement = 30_000;
const bytesInStatement = 1 << 20;

/**
 * Puts rows together whose statements differ in values alone, in the order in which they were given, as many as a
 * statement may have: PostgreSQL takes 65,535 values and SQLite 32,766, MySQL as many bytes as `max_allowed_packet` says.
 */
export function rowBatches(rows: readonly DirectRow[]): readonly Rows[] {
  const batches: Rows[] = [];
  if (rows.length === 1) return [[rows[0] as DirectRow]];
  const open = new Map<RowForm, { readonly batch: Rows; bytes: number }>();
  for (const row of rows) {
    const { form } = row;
    const bytes = bytesOf(row);
    const last = open.get(form);
    const mostRows = Math.min(rowsInStatement, Math.floor(valuesInStatement / valueCount(row)));
    if (last !== undefined && last.batch.length < mostRows && last.bytes + bytes <= bytesInStatement) {
      last.batch.push(row);
      last.bytes += bytes;
    } else {
      const batch: Rows = [row];
      batches.push(batch);
      if (!form.isOrdered) open.set(form, { batch, bytes });
    }
  }
  return batches;
}

function valueCount({ expected, key, values }: DirectRow): number {
  return key.length + values.length + expected.length;
}

function bytesOf({ expected, key, values }: DirectRow): number {
  return bytesOfEach(key) + bytesOfEach(values) + bytesOfEach(expected);
}

function bytesOfEach(values: readonly unknown[]): number {
  let bytes = 0;
  for (const value of values) {
    if (typeof value === "string") bytes += value.length;
    else bytes += value instanceof Uint8Array ? value.byteLength : 8;
  }
  return bytes;
}
