import type { Column } from "../../metadata/column";
import type { Dialect } from "../../metadata/dialect";

/** A condition on a column, with `?` where each value that it compares with goes. */
export interface ShapeCondition {
  readonly column: Column;
  readonly condition: string;
}

/** What all rows of a statement have in common; its SQL depends on nothing else, and on how many they are. */
export interface StatementShape {
  readonly dialect: Dialect;
  readonly escape: (name: string) => string;
  /** A column's database type as its driver spells it. */
  readonly typeOf: (column: Column) => string;
  /** Escaped. */
  readonly table: string;
  readonly keys: readonly Column[];
  /** What an UPDATE sets by values; empty for a DELETE. */
  readonly columns: readonly Column[];
  /** What an UPDATE sets by itself: `"version" = "version" + 1`. */
  readonly assignments: readonly string[];
  readonly conditions: readonly ShapeCondition[];
  /** What an UPDATE returns of each row, on databases that can. */
  readonly returned: readonly Column[];
}

/** The condition of a row as one, `operand` giving what each value that it compares with is; empty for none. */
export function allOf(conditions: readonly ShapeCondition[], operand: () => string): string {
  if (conditions.length === 0) return "";
  return `(${conditions.map(({ condition }) => condition.replace(/\?/g, operand)).join(" AND ")})`;
}

/** A key's value as it is compared with: MySQL compares text with numbers as doubles, in which two keys may be one. */
export function exactKey({ dialect, typeOf }: StatementShape, column: Column, operand: string): string {
  if (dialect !== "mysql" && dialect !== "mariadb") return operand;
  const { precision, scale, unsigned } = column;
  const type = typeOf(column);
  if (type === "bigint") return `CAST(${operand} AS ${unsigned ? "UNSIGNED" : "SIGNED"})`;
  if (type !== "decimal" && type !== "numeric") return operand;
  return `CAST(${operand} AS DECIMAL(${precision ?? 10}, ${scale ?? 0}))`;
}

/** The escaped names of columns, with commas. */
export function namesOf({ escape }: StatementShape, columns: readonly Column[]): string {
  return columns.map(({ databaseName }) => escape(databaseName)).join(", ");
}

/** Conditions, as far as there are any, as one. */
export function conjunction(...conditions: readonly string[]): string {
  return conditions.filter((condition) => condition !== "").join(" AND ");
}
