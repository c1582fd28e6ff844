import type { DataSource, EntityTarget, ObjectLiteral } from "typeorm";
import { GuardConfigurationError } from "../../errors/guard-configuration-error";
import { dialectOf } from "../../metadata/dialect";
import { Guard } from "../guard";
import { guardOf, isGuarded } from "../guard-of";
import { resolveGuardOptions } from "../guard-options";
import { mysqlTrigger } from "./trigger-mysql";
import { planTrigger } from "./trigger-plan";
import { postgresTrigger } from "./trigger-postgres";
import { sqliteTrigger } from "./trigger-sqlite";

/**
 * SQL that creates a trigger by which every UPDATE of an entity's table changes the row version, also one that does not
 * come through TypeORM: a script, another application, someone with a database client. A save of an entity that was read
 * before it is then refused, as for any other writer.
 *
 * The trigger raises an integer version by exactly one, whatever the statement itself writes into it, and sets a date and
 * time to a later one. An UPDATE that changes nothing but `@Unversioned()` columns leaves the version alone.
 *
 * The statements belong into a migration, where they are run one after the other. They may be run again, and have to be
 * after a change of the table's columns. The first one drops the trigger, for `down()`.
 *
 * ```ts
 * export class ProductVersionTrigger1700000000000 implements MigrationInterface {
 *   async up(queryRunner: QueryRunner): Promise<void> {
 *     for (const sql of rowVersionTriggerSql(queryRunner.dataSource, Product)) await queryRunner.query(sql);
 *   }
 *
 *   async down(queryRunner: QueryRunner): Promise<void> {
 *     const [drop] = rowVersionTriggerSql(queryRunner.dataSource, Product);
 *     await queryRunner.query(drop);
 *   }
 * }
 * ```
 *
 * TypeORM 0.3 has the DataSource of a migration as `queryRunner.connection`.
 *
 * @param dataSource an initialized DataSource on PostgreSQL, MySQL, MariaDB or SQLite, as it is during its migrations.
 * Where it is guarded, declarations without decorators count too.
 * @param target an entity with a `@RowVersion()`, or one with `{ source: "database" }` of an integer type or a date and time.
 * Of entities that share a table, the trigger is for the table.
 * @returns statements without a delimiter, each for one `queryRunner.query()`. Nothing is sent to the database.
 * @throws GuardConfigurationError for a DataSource that is not initialized, for another database, for an entity without a row version, and for one whose version needs no trigger (`xmin`) or cannot be made by one (`next`).
 */
export function rowVersionTriggerSql(dataSource: DataSource, target: EntityTarget<ObjectLiteral>): string[] {
  const guard = isGuarded(dataSource) ? guardOf(dataSource) : new Guard(dataSource, resolveGuardOptions({}));
  if (!dataSource.isInitialized) {
    throw new GuardConfigurationError(
      `This DataSource does not know its entities yet. Call initialize() before rowVersionTriggerSql().`,
    );
  }
  const metadata = dataSource.getMetadata(target);
  const { type } = dataSource.options;
  const dialect = type === "cockroachdb" ? "other" : dialectOf(dataSource);
  switch (dialect) {
    case "postgres":
      return postgresTrigger(planTrigger(guard, metadata));
    case "mysql":
    case "mariadb":
      return mysqlTrigger(planTrigger(guard, metadata));
    case "sqlite":
      return sqliteTrigger(planTrigger(guard, metadata));
    case "other":
      throw new GuardConfigurationError(
        `There is no trigger for the row version of ${metadata.name} on a DataSource of type "${type}", only on PostgreSQL, ` +
          `MySQL, MariaDB and SQLite. Write one of your own.`,
      );
    default:
      return dialect satisfies never;
  }
}
