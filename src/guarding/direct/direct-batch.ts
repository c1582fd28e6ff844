import type { PersistMode } from "../entity-graph";
import type { DirectRow } from "./direct-row";
import { deleteOfRows, updateOfRows, type ManyRowsStatement } from "./many-rows-statement";
import { rowBatches } from "./row-batches";
import type { RowForm } from "./row-form";

/** The rows of one statement. */
export interface DirectBatch extends ManyRowsStatement {
  readonly form: RowForm;
  readonly rows: readonly [DirectRow, ...DirectRow[]];
}

/** The statements that write these rows. */
export function batchesOf(mode: PersistMode, rows: readonly DirectRow[]): readonly DirectBatch[] {
  return rowBatches(rows).map((batch) => {
    const [{ expected, form, key, values }] = batch;
    if (batch.length === 1) {
      return { form, rows: batch, sql: form.sql, parameters: [...values, ...key, ...expected] };
    }
    const many = mode === "remove" ? deleteOfRows : updateOfRows;
    const { parameters, sql } = many(
      form.shape,
      batch.map((row) => [...row.key, ...row.values, ...row.expected]),
    );
    return { form, rows: batch, sql, parameters };
  });
}
