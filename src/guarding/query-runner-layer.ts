import type { DataSource, QueryRunner } from "typeorm";
import { restoreProperty } from "./restore-property";

export type QueryRunnerMethod = (this: QueryRunner, ...parameters: unknown[]) => Promise<unknown>;

export interface QueryRunnerLayer {
  /** The methods to put in, given what is below: those of the query runner's class, or of another layer. */
  readonly methodsOver: (below: object) => Readonly<Record<string, QueryRunnerMethod>>;
  /** Hears of each query runner that the DataSource gives out. */
  readonly onMade?: (queryRunner: QueryRunner) => void;
}

type CreateQueryRunner = (
  this: DataSource,
  ...parameters: Parameters<DataSource["createQueryRunner"]>
) => QueryRunner;

/**
 * Puts methods between the query runners that a DataSource makes from now on and their class, as one more prototype.
 *
 * @returns puts back `createQueryRunner`, and the prototype of the query runner that everybody shares where there is one
 * connection.
 */
export function layerQueryRunners(
  dataSource: DataSource,
  { methodsOver, onMade }: QueryRunnerLayer,
): () => void {
  const layers = new Map<object, object>();
  const made = new Set<object>();
  const over = (below: object): object => {
    let layer = layers.get(below);
    if (layer === undefined) {
      const descriptors = Object.entries(methodsOver(below)).map(
        ([name, value]) => [name, { configurable: true, writable: true, value }] as const,
      );
      layer = Object.create(below, Object.fromEntries(descriptors)) as object;
      layers.set(below, layer);
      made.add(layer);
    }
    return layer;
  };
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "createQueryRunner");
  const { createQueryRunner } = dataSource as { readonly createQueryRunner: CreateQueryRunner };
  const layered: CreateQueryRunner = function (...parameters) {
    const queryRunner = createQueryRunner.apply(this, parameters);
    const prototype = Object.getPrototypeOf(queryRunner) as object;
    // Everybody's one is given out again and again, and a unit of work may have put a layer over this one.
    if (!isUnder(made, prototype)) {
      shapeForLayer(queryRunner);
      Object.setPrototypeOf(queryRunner, over(prototype));
    }
    onMade?.(queryRunner);
    return queryRunner;
  };
  Object.defineProperty(dataSource, "createQueryRunner", {
    configurable: true,
    writable: true,
    value: layered,
  });
  return () => {
    // What somebody makes is not kept, but for what everybody shares where there is one connection.
    const { queryRunner } = dataSource.driver as { readonly queryRunner?: QueryRunner };
    if (queryRunner !== undefined) takeOut(made, queryRunner);
    restoreProperty(dataSource, "createQueryRunner", ownBefore);
  };
}

function isUnder(layers: ReadonlySet<object>, prototype: object): boolean {
  for (let each: object | null = prototype; each !== null; each = prototypeOf(each)) {
    if (layers.has(each)) return true;
  }
  return false;
}

// A unit of work may have put another one over it.
function takeOut(layers: ReadonlySet<object>, queryRunner: QueryRunner): void {
  let above: object = queryRunner;
  for (let each = prototypeOf(above); each !== null; above = each, each = prototypeOf(each)) {
    if (layers.has(each)) {
      Object.setPrototypeOf(above, prototypeOf(each));
      return;
    }
  }
}

function prototypeOf(each: object): object | null {
  return Object.getPrototypeOf(each) as object | null;
}

const givenByConnect = ["databaseConnectionPromise", "databaseConnection", "releaseCallback"];

/**
 * Gives a query runner now what TypeORM gives it when it connects. V8 shares no hidden class among objects that get
 * properties after their prototype was changed, and whatever uses them takes several times as long.
 */
function shapeForLayer(queryRunner: QueryRunner): void {
  const properties = queryRunner as unknown as Record<string, unknown>;
  for (const name of givenByConnect) if (!(name in properties)) properties[name] = undefined;
}
