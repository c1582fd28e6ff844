import type { Column } from "../../metadata/column";
import { placeholders } from "../placeholders";
import { exactKey, type StatementShape } from "./statement-shape";

/** The values of one row: its key, what is set, what is expected. */
export type RowParameters = readonly unknown[];

/** A table of values to join with, in SQL, and its parameters. */
export interface ValuesTable {
  readonly sql: string;
  readonly parameters: unknown[];
}

const alias = "concurrency_rows";

/** The column in which PostgreSQL has the number of a row. */
export const rowNumber = "concurrency_row";
/** The number of the first row. The one before it is there for the types. */
export const firstRow = 2;

/** The name of a value in the table. */
export function valueName(index: number): string {
  return `concurrency_value_${index}`;
}

/**
 * A table of values.
 *
 * @param columns the column of the database's that each value of a row belongs to.
 */
export function valuesTable(
  shape: StatementShape,
  columns: readonly Column[],
  rows: readonly RowParameters[],
): ValuesTable {
  if (shape.dialect === "postgres" && areElements(shape, columns, rows))
    return unnestedArrays(shape, columns, rows);
  return { sql: listedRows(shape, columns, rows.length), parameters: rows.flat() };
}

/*
 * For 1,000 rows PostgreSQL takes half the time for a few arrays that it does for a list of rows, of which it has to parse and
 * to plan each one.
 */
function unnestedArrays(
  { dialect, escape, table }: StatementShape,
  columns: readonly Column[],
  rows: readonly RowParameters[],
): ValuesTable {
  const next = placeholders(dialect);
  const arrays = columns.map((column) => `ARRAY[${typed(table, escape, column)}] || ${next()}`).join(", ");
  const names = columns.map((_, index) => valueName(index)).join(", ");
  return {
    sql: `unnest(${arrays}) WITH ORDINALITY AS ${alias} (${names}, ${rowNumber})`,
    parameters: columns.map((_, index) => rows.map((row) => row[index])),
  };
}

// Types that are written in an array as they are by themselves. Boxes, for one, are not: a semicolon is between them.
const elementTypes =
  /^(?:smallint|integer|bigint|numeric|decimal|real|double precision|boolean|uuid|text|citext|character(?: varying)?|enum|jsonb?|bytea|date|time(?:stamp)? with(?:out)? time zone)$/;

// What an entity calls a text may be of a type that TypeORM does not know.
const textTypes = /^(?:text|citext|character(?: varying)?)$/;

// The elements of an array are not arrays, and are no objects that the driver has a way of its own to send.
function areElements(
  { typeOf }: StatementShape,
  columns: readonly Column[],
  rows: readonly RowParameters[],
): boolean {
  return columns.every((column, index) => {
    const type = typeOf(column);
    return (
      !column.isArray &&
      elementTypes.test(type) &&
      rows.every((row) => isElement(row[index])) &&
      (!textTypes.test(type) || areTexts(rows, index))
    );
  });
}

// Composite types, arrays and boxes are written in brackets.
function areTexts(rows: readonly RowParameters[], index: number): boolean {
  return rows.some((row) => row[index] !== null) && !rows.some((row) => /^\s*[([{]/.test(String(row[index])));
}

function isElement(value: unknown): boolean {
  return typeof value !== "object" || value === null || value instanceof Date || value instanceof Buffer;
}

function listedRows(shape: StatementShape, columns: readonly Column[], count: number): string {
  const { dialect, escape, table } = shape;
  const next = placeholders(dialect);
  const names = columns.map((_, index) => valueName(index));
  switch (dialect) {
    case "postgres": {
      const types = columns.map((column) => typed(table, escape, column)).join(", ");
      const rows = eachOf(count, (index) => `(${columns.map(next).join(", ")}, ${firstRow + index})`);
      const list = [`(${types}, ${firstRow - 1})`, ...rows].join(", ");
      return `(VALUES ${list}) AS ${alias} (${names.join(", ")}, ${rowNumber})`;
    }
    case "mysql":
    case "mariadb": {
      const types = columns.map(
        ({ databaseName }, index) => `${escape(databaseName)} AS ${valueName(index)}`,
      );
      const row = columns
        .map((column, index) => (index < shape.keys.length ? exactKey(shape, column, "?") : "?"))
        .join(", ");
      const rows = eachOf(count, () => ` UNION ALL SELECT ${row}`);
      return `(SELECT ${types.join(", ")} FROM ${table} WHERE FALSE${rows.join("")}) AS ${alias}`;
    }
    default: {
      const named = names.map((name, index) => `column${index + 1} AS ${name}`).join(", ");
      const row = `(${columns.map(next).join(", ")})`;
      return `(SELECT ${named} FROM (VALUES ${eachOf(count, () => row).join(", ")})) AS ${alias}`;
    }
  }
}

/** No value, of the type of a column. */
function typed(table: string, escape: (name: string) => string, { databaseName }: Column): string {
  return `(CAST(NULL AS ${table})).${escape(databaseName)}`;
}

function eachOf<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
