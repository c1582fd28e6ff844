import type { ObjectLiteral } from "typeorm";
import { setColumnValue } from "../metadata/column";
import { originalValue } from "../tracking/original";
import { forgetNamedExpectation } from "../guarding/caller-expectations";
import type { Guard } from "../guarding/guard";
import { columnsOfRow, comparableOf, originalComparable, type Field } from "./field";
import { setField } from "./field-value";
import { presentOriginal } from "./present-original";
import { propertyAt } from "./property-at";
import type { RefusedEntity } from "./refused-entity";
import { isSameIn } from "./same-value";

/**
 * Gives a refused entity what its strategy has decided, and makes the row as it now is what it was loaded with: the next
 * save writes what differs from the row, under the condition that the row is still so.
 *
 * @param result null lets the entity go: it stands for no row any more, and a save inserts one.
 */
export function applyResolution(guard: Guard, refused: RefusedEntity, result: ObjectLiteral | null): void {
  const { description, entity, fields, present } = refused;
  if (result !== null && result !== entity) {
    for (const field of fields) applyField(guard, refused, field, result);
  }
  forgetNamedExpectation(entity);
  if (present === undefined) {
    guard.tracker.remove(entity);
    return;
  }
  for (const column of columnsOfRow(description)) {
    const isLoaded = (column.getEntityValue(entity) as unknown) !== undefined;
    if (isLoaded || column === description.rowVersion) {
      setColumnValue(column, entity, originalValue(present, column));
    }
  }
  const before = guard.tracker.originalOf(entity);
  guard.tracker.restore(entity, presentOriginal(description, entity, before, present));
}

// Of what the result does not say, and where it says the same as the row, the row counts; but what was never loaded stays
// so.
function applyField(
  guard: Guard,
  { before, entity, present, related }: RefusedEntity,
  field: Field,
  result: ObjectLiteral,
): void {
  const { driver } = guard.dataSource;
  const given = comparableOf(field, result);
  const now = present && originalComparable(field, present);
  if (given === undefined || (present !== undefined && isSameIn(driver, field, given, now))) {
    const isKept = present === undefined || before.get(field) === undefined;
    if (isKept) setField(driver, field, entity, before.get(field));
    else setField(driver, field, entity, now, field.relation && related.get(field.relation));
  } else {
    const instance = field.relation === undefined ? undefined : propertyAt(result, field.path);
    setField(driver, field, entity, given, instance as ObjectLiteral | null | undefined);
  }
}
