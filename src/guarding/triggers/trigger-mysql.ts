import type { Column } from "../../metadata/column";
import { laterInstant } from "../next-version";
import type { TriggerPlan } from "./trigger-plan";

/** A trigger that sets the version of the row about to be written. */
export function mysqlTrigger(plan: TriggerPlan): string[] {
  const { name, nameOf, schema, table, unversioned, version } = plan;
  const value =
    unversioned.length === 0 ? next(plan) : `IF(${isKept(plan)}, OLD.${nameOf(version)}, ${next(plan)})`;
  return [
    `DROP TRIGGER IF EXISTS ${schema}${name}`,
    `CREATE TRIGGER ${schema}${name} BEFORE UPDATE ON ${schema}${table} FOR EACH ROW SET NEW.${nameOf(version)} = ${value}`,
  ];
}

function next({ nameOf, step, typeOf, version }: TriggerPlan): string {
  const old = `OLD.${nameOf(version)}`;
  if (step === "count") return `COALESCE(${old}, 0) + 1`;
  return laterInstant("mysql", version, typeOf(version), old, "CURRENT_TIMESTAMP(6)");
}

function isKept(plan: TriggerPlan): string {
  const { raisesUnchanged, unversioned, versioned } = plan;
  const changed = unversioned.map((column) => `NOT ${isSame(plan, column)}`).join(" OR ");
  return [
    ...(raisesUnchanged ? [`(${changed})`] : []),
    ...versioned.map((column) => isSame(plan, column)),
  ].join(" AND ");
}

const text = /^(n?(var)?char|national varchar|(tiny|medium|long)?text|enum|set)$/;

// By a collation "a" is usually "A".
function isSame({ nameOf, typeOf }: TriggerPlan, column: Column): string {
  const value = (row: string): string =>
    text.test(typeOf(column)) ? `CAST(${row}.${nameOf(column)} AS BINARY)` : `${row}.${nameOf(column)}`;
  return `(${value("NEW")} <=> ${value("OLD")})`;
}
