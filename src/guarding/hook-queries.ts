import type { DataSource, QueryRunner } from "typeorm";
import type { Guard } from "./guard";
import { operate } from "./overlap/operate";
import { restoreProperty } from "./restore-property";
import { ambientQueryRunner } from "./unit-flow";

/*
 * Why here: raw SQL that names no query runner would go to a connection of its own, beside the unit of work that the
 * running code is in. `query` is replaced on the DataSource instance. Checked against TypeORM 0.3.31 and 1.1.1; the
 * tests of what works inside a unit notice when it stops working. Undone by the returned function.
 */

/** Makes `dataSource.query()` work inside a unit of work. */
export function hookQueries(guard: Guard): () => void {
  const { dataSource } = guard;
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "query");
  const query = dataSource.query as (...parameters: unknown[]) => Promise<unknown>;
  const inUnit = async function (
    this: DataSource,
    sql: unknown,
    values: unknown,
    queryRunner: unknown,
  ): Promise<unknown> {
    const given = (queryRunner ?? ambientQueryRunner(guard)) as QueryRunner | undefined;
    return operate(guard, { name: "a query", queryRunner: given, callee: inUnit }, () =>
      query.call(this, sql, values, given),
    );
  };
  Object.defineProperty(dataSource, "query", { configurable: true, writable: true, value: inUnit });
  return () => {
    // What somebody else has put around it stays, and may call it.
    if ((dataSource.query as unknown) === inUnit) restoreProperty(dataSource, "query", ownBefore);
  };
}
