import type { Column } from "../metadata/column";
import { isJson } from "../tracking/kept-value";
import type { Dialect } from "../metadata/dialect";

/** A condition on one column, with `?` where each of `values` goes. */
export interface TokenPredicate {
  readonly condition: string;
  readonly values: readonly unknown[];
}

export interface TokenComparison {
  readonly dialect: Dialect;
  readonly column: Column;
  /** The column's database type as its driver spells it. */
  readonly type: string;
  /** The column's name, escaped for the database. */
  readonly name: string;
  /** The expected value in the form in which the driver sends it. */
  readonly expected: unknown;
}

const binaryText = /^(n?(var)?char|(tiny|medium|long)?text|enum|set)$/;
const numericText = /^(bigint|decimal|numeric)$/;
const textual = /char|text|clob/i;

/**
 * The condition under which a row still holds the expected value of a token: by value, whatever the column's
 * collation, and as precisely as the value that was read can tell.
 */
export function tokenPredicate(comparison: TokenComparison): TokenPredicate {
  const { column, dialect, expected, name } = comparison;
  if (expected === null || expected === undefined) return { condition: `${name} IS NULL`, values: [] };
  if (isJson(column)) return jsonPredicate(comparison);
  if (expected instanceof Date) return instantPredicate(name, expected);
  switch (dialect) {
    case "postgres":
      return postgresPredicate(comparison);
    case "mysql":
    case "mariadb":
      return mysqlPredicate(comparison);
    case "sqlite":
      return sqlitePredicate(comparison);
    case "other":
      return { condition: `${name} = ?`, values: [expected] };
    default:
      return dialect satisfies never;
  }
}

// A Date holds milliseconds, cut off; the column may hold microseconds. The row's value is the one that was read
// if it lies within that millisecond.
function instantPredicate(name: string, expected: Date): TokenPredicate {
  return {
    condition: `${name} >= ? AND ${name} < ?`,
    values: [expected, new Date(expected.getTime() + 1)],
  };
}

function jsonPredicate({ dialect, name, expected }: TokenComparison): TokenPredicate {
  const conditions: Record<Dialect, string> = {
    postgres: `CAST(${name} AS jsonb) = CAST(? AS jsonb)`,
    mysql: `CAST(${name} AS JSON) = CAST(? AS JSON)`,
    mariadb: `JSON_EQUALS(${name}, ?)`,
    sqlite: `json(${name}) = json(?)`,
    other: `${name} = ?`,
  };
  return { condition: conditions[dialect], values: [expected] };
}

function postgresPredicate({ column, type, name, expected }: TokenComparison): TokenPredicate {
  if (type === "citext") return { condition: `CAST(${name} AS text) = ?`, values: [expected] };
  const collation = column.collation === undefined ? "" : ` COLLATE "C"`;
  return { condition: `${name}${collation} = ?`, values: [expected] };
}

// MySQL compares a number column with a quoted number as doubles, and text by a collation that usually takes
// "a" and "A" for the same.
function mysqlPredicate({ column, type, name, expected }: TokenComparison): TokenPredicate {
  if (binaryText.test(type)) {
    const bytes = (operand: string): string => `CAST(CONVERT(${operand} USING utf8mb4) AS BINARY)`;
    return { condition: `${bytes(name)} = ${bytes("?")}`, values: [expected] };
  }
  if (numericText.test(type)) {
    const precision = column.precision ?? 10;
    const number =
      type === "bigint"
        ? column.unsigned
          ? "UNSIGNED"
          : "SIGNED"
        : `DECIMAL(${precision}, ${column.scale ?? 0})`;
    return { condition: `${name} = CAST(? AS ${number})`, values: [expected] };
  }
  return { condition: `${name} = ?`, values: [expected] };
}

// Dates are text in SQLite, with or without the fraction depending on who wrote them.
function sqlitePredicate({ column, type, name, expected }: TokenComparison): TokenPredicate {
  if (column.type === Date || type === "datetime") {
    return { condition: `strftime('%Y-%m-%d %H:%M:%f', ${name}) = ?`, values: [expected] };
  }
  const collation = textual.test(type) ? " COLLATE BINARY" : "";
  return { condition: `${name} = ?${collation}`, values: [expected] };
}
