import type { Column } from "../metadata/column";
import type { Guard } from "./guard";

/** Whether each of these values is bound as it is written. */
export function areBoundAsWritten(
  guard: Guard,
  columns: readonly Column[],
  values: readonly unknown[],
): boolean {
  return (
    guard.dialect !== "sqlite" ||
    columns.every((column, index) => isBoundAsWritten(guard, column, values[index]))
  );
}

/**
 * Whether a value means the same as a parameter as where TypeORM writes it. In SQLite that writes numbers into the SQL, and
 * makes text of Dates and booleans that its driver has left; better-sqlite3 would bind 5 as 5.0.
 */
export function isBoundAsWritten(
  { dataSource: { driver }, dialect }: Guard,
  column: Column,
  value: unknown,
): boolean {
  if (dialect !== "sqlite") return true;
  if (typeof value === "number") return !/char|text|clob|json|enum|array/.test(driver.normalizeType(column));
  return !(value instanceof Date) && typeof value !== "boolean";
}
