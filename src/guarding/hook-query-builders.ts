import type { DataSource } from "typeorm";
import { adoptBuilder } from "./builder-classes";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";
import { ambientQueryRunner } from "./unit-flow";

/*
 * Why here: every statement of TypeORM's persistence, and every query builder of an application, begins with the
 * DataSource's createQueryBuilder, so the method is replaced on the instance. TypeORM's registry of builder classes
 * is for the whole process and is overwritten by every new DataSource.
 *
 * Other libraries replace it too, and some call the class's own method instead of the one they found, so it is looked
 * after at every save.
 *
 * Checked against TypeORM 0.3.31 and 1.1.1; the tests of the write paths notice when it stops working. Undone by the
 * returned function.
 */

type CreateQueryBuilder = (this: DataSource, ...parameters: unknown[]) => object;

const hooked = new WeakMap<Guard, CreateQueryBuilder>();

/** Makes the DataSource give out query builders that carry expectations and raise versions. */
export function hookQueryBuilders(guard: Guard): () => void {
  const undo = [hook(guard)];
  guard.keepHooks = () => {
    if (guard.dataSource.createQueryBuilder !== hooked.get(guard)) undo.push(hook(guard));
  };
  return () => {
    for (const undoHook of undo.reverse()) undoHook();
  };
}

function hook(guard: Guard): () => void {
  const { dataSource } = guard;
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "createQueryBuilder");
  const createQueryBuilder = dataSource.createQueryBuilder as CreateQueryBuilder;
  const guarded: CreateQueryBuilder = function (...parameters) {
    if (!guard.isActive) return createQueryBuilder.apply(this, parameters);
    return adoptBuilder(guard, createQueryBuilder.apply(this, inUnit(guard, parameters)));
  };
  hooked.set(guard, guarded);
  Object.defineProperty(dataSource, "createQueryBuilder", {
    configurable: true,
    writable: true,
    value: guarded,
  });
  return () => {
    // What somebody else has put around it stays, and may call it.
    if (dataSource.createQueryBuilder === guarded) {
      restoreProperty(dataSource, "createQueryBuilder", ownBefore);
    }
  };
}

// `(entity, alias, queryRunner)` or `(queryRunner)`.
function inUnit(guard: Guard, parameters: unknown[]): unknown[] {
  const position = parameters[1] === undefined ? 0 : 2;
  if (parameters[position] !== undefined && parameters[position] !== null) return parameters;
  const queryRunner = ambientQueryRunner(guard);
  return queryRunner === undefined ? parameters : [...parameters.slice(0, position), queryRunner];
}
