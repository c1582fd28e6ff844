import type { Column } from "../../metadata/column";
import { laterInstant } from "../next-version";
import type { TriggerPlan } from "./trigger-plan";

/** A function that sets the version of the row about to be written, and the trigger that calls it. */
export function postgresTrigger(plan: TriggerPlan): string[] {
  const { name, schema, table } = plan;
  return [
    `DROP TRIGGER IF EXISTS ${name} ON ${schema}${table}`,
    `CREATE OR REPLACE FUNCTION ${schema}${name}() RETURNS trigger LANGUAGE plpgsql AS ${quoted(functionBody(plan))}`,
    `CREATE TRIGGER ${name} BEFORE UPDATE ON ${schema}${table} FOR EACH ROW EXECUTE FUNCTION ${schema}${name}()`,
  ];
}

function functionBody(plan: TriggerPlan): string {
  const { version, nameOf, step, typeOf, unversioned } = plan;
  const old = `OLD.${nameOf(version)}`;
  const next =
    step === "count"
      ? `COALESCE(${old}, 0) + 1`
      : laterInstant("postgres", version, typeOf(version), old, "clock_timestamp()");
  const raise = [`NEW.${nameOf(version)} := ${next};`, `RETURN NEW;`];
  return unversioned.length === 0 ? block([], raise) : block(rows, [...keep(plan), ...raise]);
}

// Compared as they are stored, since not every type can be compared by value: json cannot. A whole row also has the
// columns that the entity does not know, or not yet.
const rows = [`kept record := NEW;`, `allowed record := OLD;`];

function keep({ companions, nameOf, raisesUnchanged, unversioned }: TriggerPlan): string[] {
  const assign = (row: string, columns: readonly Column[], value: string): string[] =>
    columns.map((column) => `${row}.${nameOf(column)} := ${value}.${nameOf(column)};`);
  return [
    ...assign("kept", unversioned, "OLD"),
    ...assign("allowed", [...unversioned, ...companions], "NEW"),
    `IF ${raisesUnchanged ? "NEW *<> kept AND " : ""}NEW *= allowed THEN RETURN NEW; END IF;`,
  ];
}

function block(declarations: readonly string[], statements: readonly string[]): string {
  const declared = declarations.length === 0 ? [] : ["DECLARE", ...indented(declarations)];
  return [...declared, "BEGIN", ...indented(statements), "END"].join("\n");
}

function indented(lines: readonly string[]): string[] {
  return lines.map((line) => `  ${line}`);
}

// No dollar quotes: a column's name may have them.
function quoted(text: string): string {
  return `'${text.replaceAll("'", "''")}'`;
}
