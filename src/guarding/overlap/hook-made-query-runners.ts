import type { QueryRunner } from "typeorm";
import type { Callee } from "../call-site";
import type { Guard } from "../guard";
import { layerQueryRunners, type QueryRunnerMethod } from "../query-runner-layer";
import type { OverlapDetector } from "./overlap-detector";

/*
 * Why here: raw SQL, streams, transactions begun by hand and what changes the schema are asked of a query runner itself.
 *
 * `createQueryRunner` is replaced on the DataSource, and each query runner that it makes gets a prototype between itself and
 * its class's. Checked against TypeORM 0.3.31 and 1.1.1; the tests of overlapping use notice when it stops working. Undone by
 * the returned function: query runners that are still around then let everything through.
 */

type Watch = (queryRunner: QueryRunner, callee: Callee, proceed: () => Promise<unknown>) => Promise<unknown>;

/** Makes the detector see what is asked of query runners; does nothing when nobody looks. */
export function hookMadeQueryRunners(guard: Guard): () => void {
  const { dataSource, overlaps } = guard;
  if (overlaps === undefined) return () => undefined;
  return layerQueryRunners(dataSource, {
    onMade: (queryRunner) => overlaps.noteMade(queryRunner),
    methodsOver: (below) => {
      const stock = below as Readonly<Record<string, QueryRunnerMethod>>;
      const watches = { ...ignoredMethods(overlaps, below), ...watchedMethods(overlaps) };
      return Object.fromEntries(
        Object.entries(watches).map(([name, watch]) => [name, watched(guard, watch, () => stock[name])]),
      );
    },
  });
}

function watched(guard: Guard, watch: Watch, stock: () => QueryRunnerMethod | undefined): QueryRunnerMethod {
  return function method(...parameters) {
    const proceed = (): Promise<unknown> => stock()?.apply(this, parameters) as Promise<unknown>;
    return guard.isActive ? watch(this, method, proceed) : proceed();
  };
}

function watchedMethods(overlaps: OverlapDetector): Readonly<Record<string, Watch>> {
  const operation =
    (name: string, isBorder = false): Watch =>
    (queryRunner, callee, proceed) =>
      overlaps.operate({ name, queryRunner, callee, isBorder }, proceed);
  return {
    query: operation("a query"),
    clearTable: operation("a clear"),
    startTransaction: operation("the beginning of a transaction", true),
    commitTransaction: operation("the commit of a transaction", true),
    rollbackTransaction: (queryRunner, callee, proceed) =>
      overlaps.rollBack(
        { name: "the rollback of a transaction", queryRunner, callee, isBorder: true },
        proceed,
      ),
    stream: (queryRunner, callee, proceed) =>
      overlaps.stream({ name: "a stream", queryRunner, callee }, proceed),
  };
}

// Mostly what reads and changes the schema, by statements that TypeORM sends at once.
function ignoredMethods(overlaps: OverlapDetector, below: object): Readonly<Record<string, Watch>> {
  const methods: Record<string, Watch> = {};
  for (let each = below; each !== Object.prototype; each = Object.getPrototypeOf(each) as object) {
    for (const [name, { value }] of Object.entries(Object.getOwnPropertyDescriptors(each))) {
      if (Object.prototype.toString.call(value) !== "[object AsyncFunction]") continue;
      // They send nothing, and are called for each query runner.
      if (/^(connect|release)/.test(name)) continue;
      methods[name] = (queryRunner, _, proceed) => overlaps.ignore(queryRunner, proceed);
    }
  }
  return methods;
}
