import type { QueryRunner } from "typeorm";
import { restoreProperty } from "../guarding/restore-property";

const methods = [
  "query",
  "stream",
  "startTransaction",
  "commitTransaction",
  "rollbackTransaction",
  "release",
] as const;

/** What is asked of a query runner while a unit of work has it. */
export type OccupiedMethod = (typeof methods)[number];

/** Is asked instead of the query runner. `stock` asks that, with the same parameters. */
export type Occupant = (
  method: OccupiedMethod,
  stock: () => Promise<unknown>,
  parameters: readonly unknown[],
) => Promise<unknown>;

type Method = (this: QueryRunner, ...parameters: unknown[]) => Promise<unknown>;

type Methods = Readonly<Partial<Record<OccupiedMethod, Method>>>;

const occupants = new WeakMap<QueryRunner, Occupant>();
const layers = new WeakMap<object, object>();

/**
 * Lets an occupant be asked instead of a query runner: a prototype is put between that and its class, the same one for all
 * of the class. What somebody has put into the query runner itself is replaced there.
 *
 * @returns takes it out again.
 */
export function occupy(queryRunner: QueryRunner, occupant: Occupant): () => void {
  const layer = layerOver(Object.getPrototypeOf(queryRunner) as Methods);
  const own = methods
    .filter((method) => Object.hasOwn(queryRunner, method))
    .map((method) => [method, Object.getOwnPropertyDescriptor(queryRunner, method)] as const);
  occupants.set(queryRunner, occupant);
  Object.setPrototypeOf(queryRunner, layer);
  for (const [method, before] of own) {
    Object.defineProperty(queryRunner, method, asking(method, { [method]: before?.value as Method }));
  }
  return () => {
    occupants.delete(queryRunner);
    Object.setPrototypeOf(queryRunner, Object.getPrototypeOf(layer) as object);
    for (const [method, before] of own) restoreProperty(queryRunner, method, before);
  };
}

function layerOver(below: Methods): object {
  let layer = layers.get(below);
  if (layer === undefined) {
    const descriptors = Object.fromEntries(methods.map((method) => [method, asking(method, below)]));
    layer = Object.create(below, descriptors) as object;
    layers.set(below, layer);
  }
  return layer;
}

function asking(method: OccupiedMethod, below: Methods): PropertyDescriptor {
  const value: Method = function (...parameters) {
    const stock = (): Promise<unknown> => (below[method] as Method).apply(this, parameters);
    const occupant = occupants.get(this);
    return occupant === undefined ? stock() : occupant(method, stock, parameters);
  };
  return { configurable: true, writable: true, value };
}
