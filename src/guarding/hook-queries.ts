import type { DataSource } from "typeorm";
import type { Guard } from "./guard";
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
  Object.defineProperty(dataSource, "query", {
    configurable: true,
    writable: true,
    async value(this: DataSource, sql: unknown, values: unknown, queryRunner: unknown): Promise<unknown> {
      return query.call(this, sql, values, queryRunner ?? ambientQueryRunner(guard));
    },
  });
  return () => restoreProperty(dataSource, "query", ownBefore);
}
