import type { EntityManager } from "typeorm";
import type { Guard } from "../guard";
import { restoreProperty } from "../restore-property";
import type { OverlapDetector } from "./overlap-detector";

type Method = (...parameters: unknown[]) => Promise<unknown>;

/**
 * Makes the detector see what a manager does by several queries that TypeORM begins at once: `preload`, and a tree
 * repository's `findTrees`. Otherwise they would look like several flows of the application.
 *
 * @returns undoes it for `preload`; tree repositories then let everything through.
 */
export function watchManager(guard: Guard, overlaps: OverlapDetector, manager: EntityManager): () => void {
  const watch = (owner: object, method: string, name: string): void => {
    const proceed = (owner as Record<string, Method>)[method] as Method;
    const watched = async function (this: unknown, ...parameters: unknown[]): Promise<unknown> {
      if (!guard.isActive) return proceed.apply(this, parameters);
      const { queryRunner } = manager;
      return overlaps.operate({ name, queryRunner, callee: watched }, () => proceed.apply(this, parameters));
    };
    Object.defineProperty(owner, method, { configurable: true, writable: true, value: watched });
  };
  const preloadBefore = Object.getOwnPropertyDescriptor(manager, "preload");
  watch(manager, "preload", "a preload");
  const treesBefore = Object.getOwnPropertyDescriptor(manager, "getTreeRepository");
  const treeRepositoryOf = manager.getTreeRepository.bind(manager);
  const seen = new WeakSet();
  Object.defineProperty(manager, "getTreeRepository", {
    configurable: true,
    writable: true,
    value(...parameters: Parameters<EntityManager["getTreeRepository"]>): unknown {
      const repository = treeRepositoryOf(...parameters);
      if (!seen.has(repository)) watch(repository, "findTrees", "a findTrees");
      seen.add(repository);
      return repository;
    },
  });
  return () => {
    restoreProperty(manager, "preload", preloadBefore);
    restoreProperty(manager, "getTreeRepository", treesBefore);
  };
}
