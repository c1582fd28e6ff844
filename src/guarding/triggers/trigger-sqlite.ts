import type { Column } from "../../metadata/column";
import { laterInstant } from "../next-version";
import type { TriggerPlan } from "./trigger-plan";

/**
 * A trigger that sets the version of the row just written: SQLite has none that could change it before. With
 * `PRAGMA recursive_triggers` its own UPDATEs call it again, so it must know those for right.
 */
export function sqliteTrigger(plan: TriggerPlan): string[] {
  const { name, schema, table } = plan;
  // Inside a trigger SQLite takes names without a schema only, and finds them in the trigger's own.
  return [
    `DROP TRIGGER IF EXISTS ${schema}${name}`,
    `CREATE TRIGGER ${schema}${name} AFTER UPDATE ON ${table} FOR EACH ROW WHEN ${condition(plan)} ` +
      `BEGIN ${assignments(plan).join(" ")} END`,
  ];
}

function condition(plan: TriggerPlan): string {
  const wrong = plan.step === "count" ? isWrongCount(plan) : isNotLater(plan);
  return plan.unversioned.length === 0 ? wrong : `${wrong} AND NOT (${isKept(plan)})`;
}

function assignments(plan: TriggerPlan): string[] {
  const { nameOf, primaryKey, step, table, version } = plan;
  const row = primaryKey.map((column) => `${nameOf(column)} IS NEW.${nameOf(column)}`).join(" AND ");
  const set = (value: string): string => `UPDATE ${table} SET ${nameOf(version)} = ${value} WHERE ${row}`;
  if (step === "instant") return [`${set(laterThanOld(plan))};`];
  return [
    `${set(passing)} AND NEW.${nameOf(version)} IS NOT OLD.${nameOf(version)};`,
    `${set(countAfterOld(plan))};`,
  ];
}

// Where the statement itself wrote a version, the trigger's UPDATE from that to the right one looks just like another such
// statement. So it goes by way of a version that no row has, from and to which all is right.
const passing = "-9223372036854775808";

function isWrongCount(plan: TriggerPlan): string {
  const version = plan.nameOf(plan.version);
  return (
    `NEW.${version} IS NOT ${countAfterOld(plan)} AND ` +
    `NEW.${version} IS NOT ${passing} AND OLD.${version} IS NOT ${passing}`
  );
}

function countAfterOld({ nameOf, version }: TriggerPlan): string {
  return `COALESCE(OLD.${nameOf(version)}, 0) + 1`;
}

const format = "'%Y-%m-%d %H:%M:%f'";
const now = `strftime(${format}, 'now')`;

function isNotLater({ nameOf, version }: TriggerPlan): string {
  const name = nameOf(version);
  const earliest = `COALESCE(strftime(${format}, OLD.${name}, '+0.001 seconds'), '')`;
  return `(strftime(${format}, NEW.${name}) >= ${earliest}) IS NOT TRUE`;
}

function laterThanOld({ nameOf, typeOf, version }: TriggerPlan): string {
  const later = laterInstant("sqlite", version, typeOf(version), `OLD.${nameOf(version)}`, now);
  return `COALESCE(${later}, ${now})`;
}

function isKept(plan: TriggerPlan): string {
  const { raisesUnchanged, unversioned, versioned } = plan;
  const changed = unversioned.map((column) => comparison(plan, column, "IS NOT")).join(" OR ");
  return [
    ...(raisesUnchanged ? [`(${changed})`] : []),
    ...versioned.map((column) => comparison(plan, column, "IS")),
  ].join(" AND ");
}

// By the column's collation "a" may be "A".
function comparison({ nameOf }: TriggerPlan, column: Column, operator: "IS" | "IS NOT"): string {
  return `NEW.${nameOf(column)} ${operator} OLD.${nameOf(column)} COLLATE BINARY`;
}
