import type { DataSource, MigrationInterface, QueryRunner } from "typeorm";
import { dataSourceOf } from "../../metadata/data-source-of";
import { createLockTablesSql, dropLockTablesSql } from "./lock-tables";

/**
 * A migration that makes the tables of `databaseLocks()`. Put it among the `migrations` of the DataSource. Its timestamp is
 * 1700000000000, so that it runs before most others.
 */
export class CreateLockTables implements MigrationInterface {
  readonly name = "CreateLockTables1700000000000";

  async up(queryRunner: QueryRunner): Promise<void> {
    for (const sql of createLockTablesSql(dataSourceOf(queryRunner))) await queryRunner.query(sql);
  }

  /** Takes all locks away too. */
  async down(queryRunner: QueryRunner): Promise<void> {
    for (const sql of dropLockTablesSql(dataSourceOf(queryRunner))) await queryRunner.query(sql);
  }
}

/**
 * Makes the tables of `databaseLocks()` where there are none yet, for applications without migrations. Safe to call by
 * several processes at once.
 *
 * @param dataSource an initialized DataSource.
 * @throws GuardConfigurationError for a database that cannot keep locks; what the database throws.
 */
export async function createLockTables(dataSource: DataSource): Promise<void> {
  for (const sql of createLockTablesSql(dataSource)) {
    // Of two at once PostgreSQL lets one fail, also with IF NOT EXISTS, when the other has made the table.
    await dataSource.query(sql).catch(() => dataSource.query(sql));
  }
}
