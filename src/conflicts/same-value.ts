import type { DataSource } from "typeorm";
import type { Column } from "../metadata/column";
import { isSameColumnValue, isSameId } from "../tracking/entity-changes";
import type { Field } from "./field";

type Driver = DataSource["driver"];

const numeric = /int|dec|numeric|number|float|double|real/;

/** Whether two values of a field, as they are compared, are the same to the database; of a number, however it is spelled. */
export function isSameIn(driver: Driver, { column }: Field, left: unknown, right: unknown): boolean {
  if (column === undefined) return isSameId(left, right);
  return isSameColumnValue(driver, column, left, right) || isSameNumber(driver, column, left, right);
}

function isSameNumber(driver: Driver, column: Column, left: unknown, right: unknown): boolean {
  if (column.isArray || !numeric.test(driver.normalizeType(column).toLowerCase())) return false;
  if (left === undefined || right === undefined || left === null || right === null) return false;
  const one = decimalText(driver.preparePersistentValue(left, column));
  return one !== undefined && one === decimalText(driver.preparePersistentValue(right, column));
}

/** A decimal number in its shortest spelling: `1.50`, `01.5` and 1.5 are `1.5`. Undefined for what is none. */
export function decimalText(value: unknown): string | undefined {
  if (typeof value !== "string" && typeof value !== "number" && typeof value !== "bigint") return undefined;
  const [, sign, whole = "", fraction = ""] = /^\s*([+-]?)(\d*)(?:\.(\d*))?\s*$/.exec(String(value)) ?? [];
  if (sign === undefined || whole + fraction === "") return undefined;
  const digits = `${whole.replace(/^0+(?=\d)/, "") || "0"}.${fraction}`.replace(/\.?0*$/, "");
  return sign === "-" && digits !== "0" ? `-${digits}` : digits;
}
