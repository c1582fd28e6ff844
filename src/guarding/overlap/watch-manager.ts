import type { EntityManager, ObjectLiteral, TreeRepository } from "typeorm";
import type { Guard } from "../guard";
import { operate } from "./operate";

/**
 * The methods of a manager that do something by several queries, which TypeORM begins at once: `preload`, and a tree
 * repository's `findTrees`. Otherwise they would look to the detector like several flows of the application. Where the
 * DataSource is not guarded any more they let everything through.
 *
 * @param below finds the method that is put over.
 */
export function watchedMethods(guard: Guard, below: (method: string) => Stock): Record<string, Method> {
  const watchingTrees = (method: string): Method =>
    function (...parameters) {
      return watchTrees(guard, below(method).apply(this, parameters) as Partial<Trees>);
    };
  return {
    preload: watched(
      guard,
      "a preload",
      () => below("preload"),
      (manager: EntityManager) => manager,
    ),
    getTreeRepository: watchingTrees("getTreeRepository"),
    withRepository: watchingTrees("withRepository"),
  };
}

type Trees = Pick<TreeRepository<ObjectLiteral>, "findTrees" | "extend" | "manager">;
type Stock = (this: never, ...parameters: unknown[]) => unknown;
type Method = (this: never, ...parameters: unknown[]) => unknown;

const watchedTrees = new WeakSet();

function watchTrees(guard: Guard, repository: Partial<Trees>): Partial<Trees> {
  const { extend, findTrees } = repository as unknown as Record<string, Stock | undefined>;
  if (findTrees === undefined || watchedTrees.has(repository)) return repository;
  watchedTrees.add(repository);
  Object.assign(repository, {
    findTrees: watched(
      guard,
      "a findTrees",
      () => findTrees,
      ({ manager }: Trees) => manager,
    ),
    extend(this: never, ...parameters: unknown[]) {
      return watchTrees(guard, extend?.apply(this, parameters) as Partial<Trees>);
    },
  });
  return repository;
}

function watched(
  guard: Guard,
  name: string,
  stock: () => Stock,
  managerOf: (owner: never) => EntityManager,
): Method {
  return async function method(...parameters) {
    const { queryRunner } = managerOf(this);
    return operate(guard, { name, queryRunner, callee: method }, () =>
      Promise.resolve(stock().apply(this, parameters)),
    );
  };
}
