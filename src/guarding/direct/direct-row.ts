import type { DataSource, ObjectLiteral } from "typeorm";
import { columnValue, type Column } from "../../metadata/column";
import { isColumnChanged, isRelationChanged } from "../../tracking/entity-changes";
import type { Original } from "../../tracking/original";
import { RowValues } from "../../tracking/row-values";
import { areBoundAsWritten } from "../bound-value";
import type { Guard } from "../guard";
import type { GuardedRow } from "../guarded-row";
import { predicateOf } from "../row-condition";
import type { DirectEntity } from "./direct-entity";
import { rowForm, type RowForm, type RowFormOptions } from "./row-form";
import type { ShapeCondition } from "./statement-shape";

/** One guarded row that is written by its key, under a condition. */
export interface DirectRow {
  readonly row: GuardedRow;
  readonly form: RowForm;
  /** The row's key, what is set and what the conditions compare with, as the driver sends them. */
  readonly key: readonly unknown[];
  readonly values: readonly unknown[];
  readonly expected: readonly unknown[];
  /** What is set, as the entity's properties hold it now. */
  readonly written: RowValues;
}

/**
 * A row of a save or remove.
 *
 * @param likely the form that it probably has.
 * @returns undefined where a value has another form in a statement that only TypeORM knows.
 */
export function directRow(
  guard: Guard,
  entity: DirectEntity,
  row: GuardedRow,
  { columns, isReloaded, mode }: Omit<RowFormOptions, "conditions">,
  likely?: RowForm,
): DirectRow | undefined {
  const { driver } = guard.dataSource;
  const object = row.subject.entity;
  const conditions: ShapeCondition[] = [];
  const expected: unknown[] = [];
  const compared: Column[] = [];
  for (const expectation of row.expectationsFor()) {
    for (const [column, value] of expectation) {
      const { condition, values } = predicateOf(guard, entity.description, column, value);
      conditions.push({ column, condition });
      for (const each of values) {
        expected.push(each);
        compared.push(column);
      }
    }
  }
  const key = entity.keys.map((column) => column.getEntityValue(row.id, true) as unknown);
  const values = columns.map(
    (column) => driver.preparePersistentValue(columnValue(column, object), column) as unknown,
  );
  const written = RowValues.ofColumns(entity.description.shape, columns, (column) =>
    columnValue(column, object),
  );
  const isBindable =
    areBoundAsWritten(guard, entity.keys, key) &&
    areBoundAsWritten(guard, columns, values) &&
    areBoundAsWritten(guard, compared, expected);
  if (!isBindable) return undefined;
  const form = rowForm(guard, entity, { mode, columns, conditions, isReloaded }, likely);
  return { row, form, key, values, expected, written };
}

/**
 * The columns in which a row's object differs from its original.
 *
 * @returns undefined where TypeORM has more to do than to set values: of a relation, of a foreign key whose relation is
 * loaded too, of an SQL expression, of a column that the database computes.
 */
export function directChanges(
  { driver }: DataSource,
  { description }: DirectEntity,
  original: Original,
  entity: ObjectLiteral,
): readonly Column[] | undefined {
  const { columns, relations } = original.shape;
  if (relations.some((relation) => isRelationChanged(original, entity, relation))) return undefined;
  const changed: Column[] = [];
  for (let index = 0; index < columns.length; index++) {
    const column = columns[index] as Column;
    // A form brings "1" where the database has 1: with another key it would be another row.
    if (column === description.rowVersion || column.isPrimary) continue;
    if (!isColumnChanged(driver, original, entity, column, index)) continue;
    if (!isPlainValue(driver, column, entity)) return undefined;
    changed.push(column);
  }
  return changed;
}

function isPlainValue(driver: DataSource["driver"], column: Column, entity: ObjectLiteral): boolean {
  const value = columnValue(column, entity);
  if (typeof value === "function" || column.asExpression !== undefined) return false;
  if (driver.spatialTypes.includes(column.type as never)) return false;
  // SQLite keeps it in a form of its own, by a function.
  if (column.type === "jsonb" && driver.options.type !== "postgres") return false;
  if (column.referencedColumn === undefined) return true;
  const related: unknown = column.relationMetadata?.getEntityValue(entity);
  return related === undefined && (typeof value !== "object" || value === null);
}
