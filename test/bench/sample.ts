/** Rows of one kind to measure with. */
export interface Sample<Row extends { id: number } = any> {
  readonly entity: new () => Row;
  /** Goes into the name of what is done to them: "" or " wide". */
  readonly adjective: string;
  newRow(index: number): Partial<Row>;
  /** Makes a difference that is to be saved. */
  change(row: Row): void;
}
