import type { DataSource } from "typeorm";
import { adoptBuilder } from "./builder-classes";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";

/*
 * Why here: every statement of TypeORM's persistence, and every query builder of an application, begins with the
 * DataSource's createQueryBuilder, so the method is replaced on the instance. TypeORM's registry of builder classes
 * is for the whole process and is overwritten by every new DataSource.
 *
 * Checked against TypeORM 0.3.31 and 1.1.1; the tests of the write paths notice when it stops working. Undone by the
 * returned function.
 */

/** Makes the DataSource give out query builders that carry expectations and raise versions. */
export function hookQueryBuilders(guard: Guard): () => void {
  const { dataSource } = guard;
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "createQueryBuilder");
  const createQueryBuilder = dataSource.createQueryBuilder as (...parameters: unknown[]) => object;
  Object.defineProperty(dataSource, "createQueryBuilder", {
    configurable: true,
    writable: true,
    value(this: DataSource, ...parameters: unknown[]): object {
      return adoptBuilder(guard, createQueryBuilder.apply(this, parameters));
    },
  });
  return () => restoreProperty(dataSource, "createQueryBuilder", ownBefore);
}
