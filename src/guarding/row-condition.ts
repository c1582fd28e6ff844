import type { Column } from "../metadata/column";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { tokenPredicate } from "./token-predicate";

/** SQL to be put into a WHERE, and the values of its named parameters. */
export interface RowCondition {
  readonly sql: string;
  readonly parameters: Readonly<Record<string, unknown>>;
}

/**
 * The condition under which a row is still as its save expects; undefined when the save knows no token of it.
 *
 * @param prefix begins the parameters' names, so that conditions of several rows fit into one statement.
 */
export function rowCondition(
  { dataSource, dialect }: Guard,
  row: GuardedRow,
  prefix: string,
): RowCondition | undefined {
  const conditions: string[] = [];
  const parameters: Record<string, unknown> = {};
  const { driver } = dataSource;
  const add = (column: Column, value: unknown): void => {
    const { condition, values } = tokenPredicate({
      dialect,
      column,
      type: driver.normalizeType(column),
      name: driver.escape(column.databaseName),
      expected: driver.preparePersistentValue(value, column),
    });
    let next = 0;
    conditions.push(
      condition.replace(/\?/g, () => {
        const name = `${prefix}${Object.keys(parameters).length}`;
        parameters[name] = values[next++];
        return `:${name}`;
      }),
    );
  };
  for (const expectation of row.expectations) {
    for (const [column, value] of expectation) add(column, value);
  }
  if (conditions.length === 0) return undefined;
  return { sql: `(${[...new Set(conditions)].join(" AND ")})`, parameters };
}
