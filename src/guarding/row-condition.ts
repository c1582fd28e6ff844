import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { tokenPredicate, type TokenPredicate } from "./token-predicate";

/** SQL to be put into a WHERE, and the values of its named parameters. */
export interface RowCondition {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * The condition under which a row is still as it is expected to be; undefined when nothing is expected.
 *
 * @param prefix begins the parameters' names, so that conditions of several rows fit into one statement.
 */
export function rowCondition(
  guard: Guard,
  description: EntityDescription,
  expectations: readonly Expectation[],
  prefix: string,
): RowCondition | undefined {
  const conditions: string[] = [];
  const parameters: Record<string, unknown> = {};
  const add = ({ condition, values }: TokenPredicate): void => {
    let next = 0;
    conditions.push(
      condition.replace(/\?/g, () => {
        const name = `${prefix}${Object.keys(parameters).length}`;
        parameters[name] = values[next++];
        return `:${name}`;
      }),
    );
  };
  for (const expectation of expectations) {
    for (const [column, value] of expectation) add(predicateOf(guard, description, column, value));
  }
  if (conditions.length === 0) return undefined;
  return { sql: `(${[...new Set(conditions)].join(" AND ")})`, parameters };
}

/** The condition under which a row still has the expected value of one token. */
export function predicateOf(
  { dataSource: { driver }, dialect }: Guard,
  { rowVersion, versionSource }: EntityDescription,
  column: Column,
  value: unknown,
): TokenPredicate {
  if (column === rowVersion && versionSource?.kind === "xmin") {
    return { condition: "CAST(xmin AS text) = ?", values: [String(value)] };
  }
  const expected: unknown = driver.preparePersistentValue(value, column);
  const isSpecial = expected === null || expected === undefined || expected instanceof Date;
  const known = isSpecial ? undefined : valueConditions.get(column);
  if (known !== undefined) return { condition: known, values: [expected] };
  const name = driver.escape(column.databaseName);
  const predicate = tokenPredicate({ dialect, column, type: driver.normalizeType(column), name, expected });
  if (!isSpecial) valueConditions.set(column, predicate.condition);
  return predicate;
}

// By which values are compared that are neither null nor Dates.
const valueConditions = new WeakMap<Column, string>();
