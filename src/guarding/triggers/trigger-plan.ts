import type { DataSource, EntityMetadata } from "typeorm";
import { GuardConfigurationError } from "../../errors/guard-configuration-error";
import type { Column } from "../../metadata/column";
import type { EntityDescription } from "../../metadata/entity-description";
import { isOfTree, triggerColumns, type TriggerColumns } from "./trigger-columns";
import type { Guard } from "../guard";
import { triggerName } from "./trigger-name";

/** What there is to know of a trigger before it is put into a database's own words. Names are escaped. */
export interface TriggerPlan extends TriggerColumns {
  /** The trigger's name, and that of the function it calls. */
  readonly name: string;
  /** What stands before a name in the table's schema or database, dot included; empty in the usual one. */
  readonly schema: string;
  readonly table: string;
  readonly version: Column;
  /** Whether the version is an integer that is raised by one, or an instant that becomes a later one. */
  readonly step: "count" | "instant";
  /** Whether an UPDATE that leaves every column as it was raises the version. */
  readonly raisesUnchanged: boolean;
  readonly nameOf: (column: Column) => string;
  readonly typeOf: (column: Column) => string;
}

/** @throws GuardConfigurationError for an entity whose version no trigger can raise. */
export function planTrigger(guard: Guard, metadata: EntityMetadata): TriggerPlan {
  const { driver } = guard.dataSource;
  const description = guard.describe(metadata);
  const version = description?.rowVersion;
  if (description === undefined || version === undefined) {
    throw new GuardConfigurationError(
      `${metadata.name} has no row version, so there is nothing that a trigger could raise. Give it a @RowVersion().`,
    );
  }
  // As TypeORM takes it apart, where it writes it into its own statements.
  const path = metadata.tablePath.split(".");
  const table = path.pop() ?? metadata.tableName;
  const columns = triggerColumns(guard, description, version);
  return {
    ...columns,
    name: driver.escape(triggerName(table, version.databaseName)),
    schema: path.map((part) => `${driver.escape(part)}.`).join(""),
    table: driver.escape(table),
    version,
    step: stepOf(driver, description, version),
    // TypeORM now and then writes into a tree's own columns what they have already. Where TypeORM raises the version itself,
    // nothing is lost by not counting that; elsewhere such an UPDATE is how a row is touched.
    raisesUnchanged: description.versionSource?.kind !== "increment" || !columns.unversioned.some(isOfTree),
    nameOf: ({ databaseName }) => driver.escape(databaseName),
    typeOf: (column) => driver.normalizeType(column),
  };
}

const integer = /^(unsigned big int|(tiny|small|medium|big)?int(eger)?\d?)$/i;
const instant = /^(datetime|timestamp)/i;

function stepOf(
  driver: DataSource["driver"],
  { metadata, versionSource }: EntityDescription,
  version: Column,
): TriggerPlan["step"] {
  const name = `${metadata.name}.${version.propertyPath}`;
  switch (versionSource?.kind) {
    case "increment":
      return "count";
    case "xmin":
      throw new GuardConfigurationError(
        `${name} needs no trigger: PostgreSQL changes xmin with every write of a row, whoever makes it.`,
      );
    case "database": {
      const type = driver.normalizeType(version);
      if (integer.test(type)) return "count";
      if (instant.test(type)) return "instant";
      throw new GuardConfigurationError(
        `${name} is of type "${type}", of which a trigger does not know what comes next. Use a @RowVersion() of an ` +
          `integer type or of a date and time.`,
      );
    }
    default:
      throw new GuardConfigurationError(
        `${name} is made by a function of the application, which the database cannot call. Use @RowVersion() without ` +
          `"next", or write a trigger of your own.`,
      );
  }
}
