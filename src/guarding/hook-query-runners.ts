import type { DataSource, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";
import { hasOutlivedUnit } from "./unit-flow";

/*
 * Why here: where a DataSource has one connection, all of its query runners are one object, and what is sent by it while
 * a transaction is open takes part in that transaction, whoever sends it. Its statements and the borders of its
 * transactions are the only places that everything passes.
 *
 * `createQueryRunner` is replaced on the DataSource, and four methods on the shared query runner when it is first given
 * out. Checked against TypeORM 0.3.31 (sqlite3, sql.js) and 1.1.1 (better-sqlite3, sql.js); the tests of shared
 * connections notice when it stops working. Undone by the returned function.
 */

const borders = ["startTransaction", "commitTransaction", "rollbackTransaction"] as const;

type Method = (...parameters: unknown[]) => Promise<unknown>;

/** Lets the users of a DataSource with one connection take turns; does nothing for others. */
export function hookQueryRunners(guard: Guard): () => void {
  const { connectionTurns, dataSource } = guard;
  if (connectionTurns === undefined) return () => undefined;
  const undo: (() => void)[] = [];
  const adopted = new WeakSet<QueryRunner>();
  const adopt = (queryRunner: QueryRunner): void => {
    if (adopted.has(queryRunner)) return;
    adopted.add(queryRunner);
    undo.push(
      replace(guard, queryRunner, "query", (proceed) => {
        if (hasOutlivedUnit(guard)) throw new EndedUnitError();
        return connectionTurns.use(proceed);
      }),
      ...borders.map((border) =>
        replace(guard, queryRunner, border, (proceed) =>
          connectionTurns.take("a transaction begun by hand", proceed),
        ),
      ),
    );
  };
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "createQueryRunner");
  const createQueryRunner = dataSource.createQueryRunner;
  Object.defineProperty(dataSource, "createQueryRunner", {
    configurable: true,
    writable: true,
    value(this: DataSource, ...parameters: Parameters<DataSource["createQueryRunner"]>): QueryRunner {
      const queryRunner = createQueryRunner.apply(this, parameters);
      adopt(queryRunner);
      return queryRunner;
    },
  });
  return () => {
    for (const undoMethod of undo) undoMethod();
    restoreProperty(dataSource, "createQueryRunner", ownBefore);
  };
}

function replace(
  guard: Guard,
  queryRunner: QueryRunner,
  method: "query" | (typeof borders)[number],
  around: (proceed: () => Promise<unknown>) => Promise<unknown>,
): () => void {
  const ownBefore = Object.getOwnPropertyDescriptor(queryRunner, method);
  const stock = queryRunner[method] as Method;
  Object.defineProperty(queryRunner, method, {
    configurable: true,
    writable: true,
    async value(this: QueryRunner, ...parameters: unknown[]): Promise<unknown> {
      const proceed = (): Promise<unknown> => stock.apply(this, parameters);
      return guard.isActive ? around(proceed) : proceed();
    },
  });
  return () => restoreProperty(queryRunner, method, ownBefore);
}
