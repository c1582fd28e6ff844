import type { EntityManager, ObjectLiteral, TreeRepository } from "typeorm";
import type { Guard } from "../guard";
import { restoreProperty } from "../restore-property";
import { operate } from "./operate";

/**
 * Makes the detector see what a manager does by several queries that TypeORM begins at once: `preload`, and a tree
 * repository's `findTrees`. Otherwise they would look like several flows of the application.
 *
 * @returns undoes it; tree repositories that are still around let everything through then.
 */
export function watchManager(guard: Guard, manager: EntityManager): () => void {
  const preload = replace(
    manager,
    "preload",
    (proceed) =>
      async function watched(this: EntityManager, ...parameters) {
        const { queryRunner } = this;
        return operate(guard, { name: "a preload", queryRunner, callee: watched }, () =>
          Promise.resolve(proceed.apply(this, parameters)),
        );
      },
  );
  const repositories = (["getTreeRepository", "withRepository"] as const).map((method) =>
    replace(
      manager,
      method,
      (proceed) =>
        function (...parameters) {
          return watchTrees(guard, proceed.apply(this, parameters) as Partial<Trees>);
        },
    ),
  );
  return () => {
    for (const restore of [preload, ...repositories]) restore();
  };
}

type Trees = Pick<TreeRepository<ObjectLiteral>, "findTrees" | "extend" | "manager">;

const watchedTrees = new WeakSet();

function watchTrees(guard: Guard, repository: Partial<Trees>): Partial<Trees> {
  if (repository.findTrees === undefined || watchedTrees.has(repository)) return repository;
  watchedTrees.add(repository);
  replace(
    repository,
    "findTrees",
    (proceed) =>
      async function watched(this: Trees, ...parameters) {
        const { queryRunner } = this.manager;
        return operate(guard, { name: "a findTrees", queryRunner, callee: watched }, () =>
          Promise.resolve(proceed.apply(this, parameters)),
        );
      },
  );
  replace(
    repository,
    "extend",
    (proceed) =>
      function (...parameters) {
        return watchTrees(guard, proceed.apply(this, parameters) as Partial<Trees>);
      },
  );
  return repository;
}

type Method = (this: never, ...parameters: unknown[]) => unknown;

function replace<O extends object>(
  owner: O,
  method: keyof O & string,
  around: (proceed: (this: unknown, ...parameters: unknown[]) => unknown) => Method,
): () => void {
  const ownBefore = Object.getOwnPropertyDescriptor(owner, method);
  const value = around(owner[method] as (this: unknown, ...parameters: unknown[]) => unknown);
  Object.defineProperty(owner, method, { configurable: true, writable: true, value });
  return () => restoreProperty(owner, method, ownBefore);
}
