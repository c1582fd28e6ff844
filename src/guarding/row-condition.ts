import type { DataSource } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { tokenPredicate, type TokenComparison, type TokenPredicate } from "./token-predicate";

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
  const { name, type } = spellingOf(driver, column);
  return tokenPredicate({
    dialect,
    column,
    type,
    name,
    expected: driver.preparePersistentValue(value, column),
  });
}

const spellings = new WeakMap<Column, Pick<TokenComparison, "name" | "type">>();

function spellingOf(driver: DataSource["driver"], column: Column): Pick<TokenComparison, "name" | "type"> {
  let spelling = spellings.get(column);
  if (spelling === undefined) {
    spelling = { name: driver.escape(column.databaseName), type: driver.normalizeType(column) };
    spellings.set(column, spelling);
  }
  return spelling;
}
