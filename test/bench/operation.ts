import type { BenchDatabase } from "./bench-database";

/** One way to do an operation. */
export interface Contender {
  readonly name: string;
  /** Runs before each `run`, outside of the time that is taken. */
  prepare?(): Promise<void>;
  run(): Promise<void>;
  close?(): Promise<void>;
}

/** Something that is done in several ways, the bare one first. */
export interface Operation {
  readonly name: string;
  /** How many rounds of an operation on one row take about as long as one round of this. */
  readonly weight: number;
  /** Fills the table and makes the contenders. */
  contenders(database: BenchDatabase): Promise<readonly Contender[]>;
}
