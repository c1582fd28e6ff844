import { placeholders } from "../placeholders";
import type { Column } from "../../metadata/column";
import { allOf, conjunction, exactKey, namesOf, type StatementShape } from "./statement-shape";

/*
 * One statement for many rows joins the table with a table of values: for each row its key, what is set and what is
 * expected. The values have the types of the table's own columns, by a first row or SELECT of those that gives no row, so
 * that no type has to be spelled, and nothing is cut off as by a cast to one with a length.
 *
 * MySQL and MariaDB lock each row that they look at until the transaction ends. So they are told to begin with the values,
 * and to look each row up by its key, whatever they believe of the table's size.
 *
 * A CASE over all keys, the other way, compares each row with every key. For 1,000 rows MariaDB took 6 to 17 ms for it, and 5
 * for the join.
 */

const alias = "concurrency_rows";

/** The column in which PostgreSQL returns which of the rows it is, from 0. */
export const rowNumber = "concurrency_row";

/** The UPDATE of `count` rows. Takes for each of them the key, what it sets, the expected values. */
export function updateOfRows(shape: StatementShape, count: number): string {
  const { assignments, columns, dialect, escape, keys, returned, table } = shape;
  const isRow = joinCondition(shape);
  const expected = expectedCondition(shape);
  const sets = [
    ...columns.map(
      ({ databaseName }, index) => `${escape(databaseName)} = ${valueName(keys.length + index)}`,
    ),
    ...assignments,
  ].join(", ");
  switch (dialect) {
    case "postgres": {
      const returning = ` RETURNING ${[rowNumber, ...returned.map(({ databaseName }) => escape(databaseName))].join(", ")}`;
      return `UPDATE ${table} SET ${sets} FROM ${valuesTable(shape, count)} WHERE ${conjunction(isRow, expected)}${returning}`;
    }
    case "mysql":
    case "mariadb":
      return `UPDATE ${valuesTable(shape, count)} STRAIGHT_JOIN ${table} ON ${isRow} SET ${sets}${where(expected)}`;
    default:
      return `UPDATE ${table} SET ${sets} FROM ${valuesTable(shape, count)} WHERE ${conjunction(isRow, expected)}`;
  }
}

/** The DELETE of `count` rows. Takes for each of them the key, the expected values. */
export function deleteOfRows(shape: StatementShape, count: number): string {
  const { dialect, keys, table } = shape;
  const isRow = joinCondition(shape);
  const expected = expectedCondition(shape);
  switch (dialect) {
    case "postgres":
      return `DELETE FROM ${table} USING ${valuesTable(shape, count)} WHERE ${conjunction(isRow, expected)}`;
    case "mysql":
    case "mariadb":
      return `DELETE concurrency_target FROM ${valuesTable(shape, count)} STRAIGHT_JOIN ${table} AS concurrency_target ON ${isRow}${where(expected)}`;
    default: {
      const key = namesOf(shape, keys);
      const found = `SELECT ${key} FROM ${table} JOIN ${valuesTable(shape, count)} ON ${isRow}${where(expected)}`;
      return `DELETE FROM ${table} WHERE (${key}) IN (${found})`;
    }
  }
}

function valuesTable(shape: StatementShape, count: number): string {
  const { dialect, escape, table } = shape;
  const columns = valueColumns(shape);
  const next = placeholders(dialect);
  const names = columns.map((_, index) => valueName(index));
  switch (dialect) {
    case "postgres": {
      const types = columns.map(({ databaseName }) => `(CAST(NULL AS ${table})).${escape(databaseName)}`);
      const rows = eachOf(count, (index) => `(${columns.map(next).join(", ")}, ${index})`);
      return `(VALUES (${types.join(", ")}, -1), ${rows.join(", ")}) AS ${alias} (${names.join(", ")}, ${rowNumber})`;
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

function joinCondition({ escape, keys }: StatementShape): string {
  return keys.map(({ databaseName }, index) => `${escape(databaseName)} = ${valueName(index)}`).join(" AND ");
}

function expectedCondition({ columns, conditions, keys }: StatementShape): string {
  let index = keys.length + columns.length;
  return allOf(conditions, () => valueName(index++));
}

function valueColumns({ columns, conditions, keys }: StatementShape): Column[] {
  const expected = conditions.flatMap(({ column, condition }) =>
    eachOf(condition.split("?").length - 1, () => column),
  );
  return [...keys, ...columns, ...expected];
}

function valueName(index: number): string {
  return `concurrency_value_${index}`;
}

function where(condition: string): string {
  return condition === "" ? "" : ` WHERE ${condition}`;
}

function eachOf<T>(count: number, make: (index: number) => T): T[] {
  return Array.from({ length: count }, (_, index) => make(index));
}
