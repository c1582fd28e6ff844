import type { BenchDatabase } from "./bench-database";

/** What bars speak of, whatever the size of a list is. */
export type OperationKey = "save-one" | "save-list" | "remove-list" | "find-list" | "unit" | "refused-save";

/** One way to do an operation. */
export interface Contender {
  readonly name: string;
  /** Runs before each `run`, outside of the time that is taken. */
  prepare?(): Promise<void>;
  run(): Promise<void>;
  close?(): Promise<void>;
}

/** Something that is done in several ways, the bare one first where there is one. */
export interface Operation {
  readonly key?: OperationKey;
  readonly name: string;
  /** How many entities it is done to at once. */
  readonly entities: number;
  /** How many rounds of an operation on one row take about as long as one round of this. */
  readonly weight: number;
  /** Fills the table and makes the contenders. */
  contenders(database: BenchDatabase): Promise<readonly Contender[]>;
}
