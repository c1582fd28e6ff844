import { EndedUnitError } from "../errors/ended-unit-error";
import type { Guard } from "./guard";
import { layerQueryRunners, type QueryRunnerMethod } from "./query-runner-layer";
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

/** Lets the users of a DataSource with one connection take turns; does nothing for others. */
export function hookQueryRunners(guard: Guard): () => void {
  const { connectionTurns, dataSource } = guard;
  if (connectionTurns === undefined) return () => undefined;
  const replace = (
    stock: () => QueryRunnerMethod,
    around: (proceed: () => Promise<unknown>) => Promise<unknown>,
  ): QueryRunnerMethod =>
    async function (...parameters) {
      const proceed = (): Promise<unknown> => stock().apply(this, parameters);
      return guard.isActive ? around(proceed) : proceed();
    };
  return layerQueryRunners(dataSource, {
    methodsOver: (below) => {
      const stock = below as Record<(typeof borders)[number] | "query", QueryRunnerMethod>;
      const inTurn = borders.map((border) => [
        border,
        replace(
          () => stock[border],
          (proceed) => connectionTurns.take("a transaction begun by hand", proceed),
        ),
      ]);
      return {
        ...(Object.fromEntries(inTurn) as Record<string, QueryRunnerMethod>),
        query: replace(
          () => stock.query,
          (proceed) => {
            if (hasOutlivedUnit(guard)) throw new EndedUnitError();
            return connectionTurns.use(proceed);
          },
        ),
      };
    },
  });
}
