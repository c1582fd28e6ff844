import type { DataSource, EntityManager } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { dataSourceOf } from "../metadata/data-source-of";
import type { Guard } from "./guard";

interface Guarded {
  readonly guard: Guard;
  readonly undo: () => void;
}

const guarded = new WeakMap<DataSource, Guarded>();
const all = new Set<WeakRef<Guard>>();

/** Notes the guard of a DataSource, and how to put back what it changed. */
export function registerGuard(guard: Guard, undo: () => void): void {
  guarded.set(guard.dataSource, { guard, undo });
  all.add(new WeakRef(guard));
}

/** Takes a DataSource's guard out; undoes nothing where there is none. */
export function unregisterGuard(dataSource: DataSource): void {
  const registered = guarded.get(dataSource);
  guarded.delete(dataSource);
  for (const reference of all) {
    const guard = reference.deref();
    if (guard === undefined || guard === registered?.guard) all.delete(reference);
  }
  registered?.undo();
}

export function isGuarded(dataSource: DataSource): boolean {
  return guarded.has(dataSource);
}

/**
 * The guard of a DataSource.
 *
 * @throws GuardConfigurationError for a DataSource that is not guarded.
 */
export function guardOf(dataSource: DataSource): Guard {
  const registered = guarded.get(dataSource);
  if (registered !== undefined) return registered.guard;
  throw new GuardConfigurationError(
    `This DataSource is not guarded, so nothing is known of its entities' versions. Call guardDataSource first.`,
  );
}

/** The guard of a manager's DataSource. */
export function guardOfManager(manager: EntityManager): Guard {
  return guardOf(dataSourceOf(manager));
}

/** A guard through whose DataSource an entity was loaded or saved. */
export function guardOfEntity(entity: object): Guard | undefined {
  for (const reference of all) {
    const guard = reference.deref();
    if (guard === undefined) all.delete(reference);
    else if (guard.tracker.originalOf(entity) !== undefined) return guard;
  }
  return undefined;
}

/** The one DataSource that is guarded and initialized; undefined when there are several, or none. */
export function onlyGuardedDataSource(): DataSource | undefined {
  const [first, ...others] = [...all]
    .flatMap((reference) => reference.deref()?.dataSource ?? [])
    .filter((each) => each.isInitialized);
  return others.length === 0 ? first : undefined;
}
