import type { DataSource, QueryRunner } from "typeorm";
import type { WrittenRow } from "../metadata/written-row";

/** What the guard asks of a lock registry. */
export interface WriteLocks {
  /** Knows the entities of a DataSource; returns how to forget them again. */
  bind(dataSource: DataSource): () => void;
  /**
   * Throws when rows are locked by another operation than the running code's.
   *
   * @param write what it is, for the error: `a save`.
   * @param queryRunner the one that is going to write.
   */
  refuseLockedRows(write: string, rows: readonly WrittenRow[], queryRunner: QueryRunner): Promise<void>;
}
