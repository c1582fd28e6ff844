import type { PersistMode } from "../entity-graph";
import type { DirectRow } from "./direct-row";
import { deleteOfRows, updateOfRows } from "./many-rows-statement";
import { rowBatches } from "./row-batches";
import type { RowForm } from "./row-form";

/** The rows of one statement. */
export interface DirectBatch {
  readonly form: RowForm;
  readonly rows: readonly [DirectRow, ...DirectRow[]];
  readonly sql: string;
  readonly parameters: unknown[];
}

/** The statements that write these rows. */
export function batchesOf(mode: PersistMode, rows: readonly DirectRow[]): readonly DirectBatch[] {
  return rowBatches(rows).map((batch) => {
    const [{ form }] = batch;
    const isOne = batch.length === 1;
    const many = mode === "remove" ? deleteOfRows : updateOfRows;
    return {
      form,
      rows: batch,
      sql: isOne ? form.sql : many(form.shape, batch.length),
      parameters: batch.flatMap(({ expected, key, values }) =>
        isOne ? [...values, ...key, ...expected] : [...key, ...values, ...expected],
      ),
    };
  });
}
