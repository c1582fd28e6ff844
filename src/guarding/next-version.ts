import type { ObjectLiteral } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { Column } from "../metadata/column";
import type { NextVersion } from "../metadata/version-source";
import { isSameValue } from "../tracking/value-equality";
import type { Dialect } from "../metadata/dialect";

/**
 * The version that the application's function makes for a write.
 *
 * @throws UncheckedWriteError when it makes none, or the one the row has: the write would then be invisible to whoever has
 * read the row before. Of Dates the statement takes care, see {@link laterInstant}.
 */
export function makeVersion(
  column: Column,
  next: NextVersion,
  previous: unknown,
  values: Readonly<ObjectLiteral>,
): unknown {
  const made = next(previous, values);
  const isNone = made === undefined || made === null || Number.isNaN(made) || made instanceof Promise;
  if (!isNone && (made instanceof Date || previous === undefined || !isSameValue(made, previous)))
    return made;
  throw new UncheckedWriteError(
    column.entityMetadata.name,
    isNone
      ? `cannot be written: "next" of its row version ${column.propertyPath} gave ${made instanceof Promise ? "a promise" : String(made)}, ` +
          `which is no version. Let it return the value itself, also where there is no previous one.`
      : `cannot be written: "next" of its row version ${column.propertyPath} gave the version that the row has already, so ` +
          `nobody would notice this write. Let it return another value each time.`,
  );
}

/**
 * SQL for an instant that is later than the one in a column by a unit of the column's precision at least, and otherwise
 * the one in `parameter`: two writes within a second look different also where the column keeps whole seconds.
 */
export function laterInstant(
  dialect: Dialect,
  column: Column,
  type: string,
  name: string,
  parameter: string,
): string {
  switch (dialect) {
    case "postgres":
      return `GREATEST(CAST(${parameter} AS ${type}), ${name} + INTERVAL '${unitMs(column.precision ?? 6)} milliseconds')`;
    case "mysql":
    case "mariadb": {
      const made = `CAST(${parameter} AS DATETIME(6))`;
      const later = `${name} + INTERVAL ${unitMs(column.precision ?? 0) * 1000} MICROSECOND`;
      return `CASE WHEN ${name} + INTERVAL ${unitMs(column.precision ?? 0) * 1000 - 1} MICROSECOND >= ${made} THEN ${later} ELSE ${made} END`;
    }
    case "sqlite":
      return `MAX(${parameter}, strftime('%Y-%m-%d %H:%M:%f', ${name}, '+0.001 seconds'))`;
    case "other":
      return parameter;
    default:
      return dialect satisfies never;
  }
}

// A Date has milliseconds at best.
function unitMs(precision: number): number {
  return 10 ** (3 - Math.min(precision, 3));
}
