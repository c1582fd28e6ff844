import { placeholders } from "../placeholders";
import { allOf, conjunction, exactKey, namesOf, type StatementShape } from "./statement-shape";

/** The UPDATE of one row, as TypeORM writes it, under the row's conditions. Takes what it sets, the key, the expected values. */
export function updateOfRow(shape: StatementShape): string {
  const { assignments, columns, dialect, escape, returned, table } = shape;
  const next = placeholders(dialect);
  const sets = [
    ...columns.map(({ databaseName }) => `${escape(databaseName)} = ${next()}`),
    ...assignments,
  ].join(", ");
  const returning = returned.length === 0 ? "" : ` RETURNING ${namesOf(shape, returned)}`;
  return `UPDATE ${table} SET ${sets} WHERE ${criteria(shape, next)}${returning}`;
}

/** The DELETE of one row under its conditions. Takes the key, the expected values. */
export function deleteOfRow(shape: StatementShape): string {
  return `DELETE FROM ${shape.table} WHERE ${criteria(shape, placeholders(shape.dialect))}`;
}

function criteria(shape: StatementShape, next: () => string): string {
  const { conditions, escape, keys } = shape;
  const isRow = keys.map((column) => `${escape(column.databaseName)} = ${exactKey(shape, column, next())}`);
  return conjunction(...isRow, allOf(conditions, next));
}
