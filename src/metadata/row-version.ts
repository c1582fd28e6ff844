import { Column, VersionColumn, VirtualColumn, type ColumnOptions } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { declare } from "./declaration";
import { versionSourceOf, type NextVersion } from "./version-source";

type VersionColumnOptions = Omit<ColumnOptions, "select" | "nullable" | "array" | "insert" | "update">;

/** The default: an integer column that the UPDATE itself raises. */
export interface IncrementedVersionOptions extends Omit<VersionColumnOptions, "type" | "transformer"> {
  readonly source?: undefined;
  readonly next?: undefined;
}

/** PostgreSQL's system column `xmin`, which changes with every write of the row. */
export interface XminVersionOptions {
  readonly source: "xmin";
}

/** A column that the database changes by itself. Without a `type`: an integer, 1 at first. */
export interface DatabaseVersionOptions extends VersionColumnOptions {
  readonly source: "database";
}

/** A column whose value the application makes for each write. */
export interface ApplicationVersionOptions extends VersionColumnOptions {
  readonly next: NextVersion;
}

/** Where the version comes from, and how its column looks in the table: `name`, `type`, `default`, … */
export type RowVersionOptions =
  IncrementedVersionOptions | XminVersionOptions | DatabaseVersionOptions | ApplicationVersionOptions;

/**
 * The row's version, which every write of the row changes. In a guarded DataSource a save, remove, softRemove or
 * recover of the entity reaches the row only while the row still has the version the entity was read with. One per
 * entity.
 *
 * - `@RowVersion()`: an integer that every INSERT sets to 1 and every UPDATE raises by one in the statement itself. It
 *   is TypeORM's `@VersionColumn` and replaces it; an entity that already has that one needs no change.
 * - `@RowVersion({ source: "xmin" })`: PostgreSQL's system column, in a property of type string. No schema change.
 * - `@RowVersion({ source: "database", … })`: a column that a trigger or `ON UPDATE CURRENT_TIMESTAMP` changes. It is
 *   never written, and read back after each write.
 * - `@RowVersion({ next: (previous) => value, … })`: made by the application, a uuid for one.
 *
 * @param options the source and column options.
 * @throws GuardConfigurationError for an unknown source, or a source together with `next`.
 */
export function RowVersion(options: RowVersionOptions = {}): PropertyDecorator {
  return (prototype, property) => {
    columnFor(options, `${prototype.constructor.name}.${String(property)}`)(prototype, property);
    declare(prototype.constructor, {
      rowVersions: [{ property: String(property), source: versionSourceOf(options) }],
    });
  };
}

type VersionOptions = Parameters<typeof versionSourceOf>[0] & ColumnOptions;

function columnFor(options: RowVersionOptions, name: string): PropertyDecorator {
  const { source, next, ...column } = options as VersionOptions;
  if (next !== undefined && (typeof next !== "function" || source !== undefined)) {
    throw new GuardConfigurationError(
      `"next" of the row version ${name} must be a function, without a "source".`,
    );
  }
  if (next !== undefined) return Column(column);
  switch (source) {
    case undefined:
      return VersionColumn(column);
    case "xmin":
      return VirtualColumn({ type: "text", query: (alias) => `SELECT CAST(${alias}.xmin AS text)` });
    case "database":
      return Column({ ...integerByDefault(column), insert: false, update: false });
    default:
      throw new GuardConfigurationError(
        `"source" of the row version ${name} must be "xmin" or "database", or be left out, not ${String(source)}.`,
      );
  }
}

function integerByDefault(column: ColumnOptions): ColumnOptions {
  const { type = "int" } = column;
  const isInteger = type === Number || /int/i.test(String(type));
  return { ...(isInteger ? { default: 1 } : {}), ...column, type };
}
