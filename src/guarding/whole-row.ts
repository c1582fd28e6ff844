import type { ObjectLiteral } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import { columnValue, isOwnColumn, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { originalValue } from "../tracking/original";
import { writtenColumns } from "../tracking/row-values";
import type { GuardedRow } from "./guarded-row";

/**
 * What an UPDATE sets, completed by all other columns of the row where its entity declares so.
 *
 * @throws UncheckedWriteError for an entity that was loaded in part.
 */
export function withWholeRow(row: GuardedRow, values: ObjectLiteral): ObjectLiteral {
  const { description } = row;
  if (!description.updatesAllColumns || !row.isSubject) return values;
  const written = writtenColumns(description.shape, values);
  const others = wholeRowColumns(description).filter((column) => !written.has(column));
  refusePartial(description, row, others);
  return others.reduce((whole, column) => {
    const value = currentValue(row, column);
    return value === undefined ? whole : withValue(whole, column.propertyPath.split("."), value);
  }, values);
}

/** Throws for an entity that was loaded in part, as far as is known before its row is read. */
export function refusePartialRow(row: GuardedRow): void {
  const { description } = row;
  if (description.updatesAllColumns) refusePartial(description, row, wholeRowColumns(description));
}

function refusePartial({ metadata }: EntityDescription, row: GuardedRow, columns: readonly Column[]): void {
  const unknown = columns.filter((column) => currentValue(row, column) === undefined);
  if (unknown.length === 0) return;
  throw new UncheckedWriteError(
    metadata.name,
    `was loaded without ${unknown.map(({ propertyPath }) => propertyPath).join(" and ")}, and @UpdateAllColumns() writes ` +
      `whole rows. Load the entity whole before you save it.`,
  );
}

// TypeORM stamps the update date and raises its version by itself, unless SET has them.
function wholeRowColumns({ metadata, rowVersion, shape, unversioned }: EntityDescription): Column[] {
  return shape.columns.filter(
    (column) =>
      column.isUpdate &&
      column !== rowVersion &&
      // Not loaded as a rule, and then no part of what anybody has seen. Changed, it is in SET all the same.
      column.isSelect &&
      column.asExpression === undefined &&
      !column.isPrimary &&
      !column.isDiscriminator &&
      !column.isUpdateDate &&
      isOwnColumn(metadata, column) &&
      !unversioned.has(column),
  );
}

function currentValue({ subject: { entity, original } }: GuardedRow, column: Column): unknown {
  const current = columnValue(column, entity);
  return current === undefined && original !== undefined ? originalValue(original, column) : current;
}

function withValue(
  values: ObjectLiteral,
  [property = "", ...rest]: readonly string[],
  value: unknown,
): ObjectLiteral {
  const inner = values[property] as ObjectLiteral | undefined;
  return { ...values, [property]: rest.length === 0 ? value : withValue(inner ?? {}, rest, value) };
}
