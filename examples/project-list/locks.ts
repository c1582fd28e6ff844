import type { DataSource } from "typeorm";
import {
  createLockRegistry,
  databaseLocks,
  relationDependents,
  type LockRegistry,
} from "typeorm-concurrency/locks";

/** Who locks a project locks its tasks too, since a save of a project cascades to them. */
export function createProjectLocks(dataSource: DataSource): LockRegistry {
  return createLockRegistry({
    backend: databaseLocks(dataSource),
    dependents: relationDependents(),
    ttlMs: 3000, // short, so that the example is: what a worker that was killed has locked is free after that
  });
}
