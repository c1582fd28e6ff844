import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { Guard } from "./guard";
import { isGuarded, registerGuard, unregisterGuard } from "./guard-of";
import { resolveGuardOptions, type GuardOptions } from "./guard-options";
import { hookEntityManagers } from "./hook-entity-managers";
import { hookInitialize } from "./hook-initialize";
import { hookLazyRelations } from "./hook-lazy-relations";
import { hookNewConnections } from "./hook-new-connections";
import { hookQueries } from "./hook-queries";
import { hookQueryBuilders } from "./hook-query-builders";
import { hookQueryRunners } from "./hook-query-runners";
import { hookReload } from "./hook-reload";
import { hookTransactions } from "./hook-transactions";
import { hookMadeQueryRunners } from "./overlap/hook-made-query-runners";

/**
 * Guards a DataSource: from now on a save, remove, softRemove or recover of an entity with a row version or
 * concurrency tokens reaches its row only while the row is as the entity was read, and every other write through
 * TypeORM raises the row version. Entities without either behave as before.
 *
 * Call it once, before or after `initialize()`, and before anything makes entity managers of its own from the
 * DataSource. A second call changes nothing.
 *
 * @param dataSource any SQL DataSource.
 * @param options see {@link GuardOptions}.
 * @returns the same DataSource.
 * @throws GuardConfigurationError for a wrong option, for MongoDB, and, if the DataSource is initialized, for a wrong
 * declaration; otherwise `initialize()` rejects with that one.
 */
export function guardDataSource<D extends DataSource>(dataSource: D, options: GuardOptions = {}): D {
  const resolved = resolveGuardOptions(options);
  if (isGuarded(dataSource)) return dataSource;
  if (dataSource.options.type === "mongodb") {
    throw new GuardConfigurationError(
      "A MongoDB DataSource cannot be guarded: the guard is a predicate in SQL.",
    );
  }
  const guard = new Guard(dataSource, resolved);
  if (dataSource.isInitialized) guard.describeAll();

  const undo: (() => void)[] = [];
  let undoInitialized: (() => void)[] = [];
  const hookInitialized = (): void => {
    for (const undoHook of undoInitialized.splice(0)) undoHook();
    guard.describeAll();
    undoInitialized = [hookTransactions(guard), hookReload(guard), hookNewConnections(guard)];
  };
  if (dataSource.isInitialized) hookInitialized();
  undo.push(
    hookInitialize(guard, hookInitialized),
    hookQueryBuilders(guard),
    hookQueries(guard),
    hookEntityManagers(guard),
    hookQueryRunners(guard),
    hookMadeQueryRunners(guard),
    hookLazyRelations(guard),
    resolved.locks?.bind(dataSource) ?? (() => undefined),
  );
  registerGuard(guard, () => {
    guard.isActive = false;
    for (const undoHook of [...undo.reverse(), ...undoInitialized]) undoHook();
  });
  return dataSource;
}

/**
 * Puts everything back that {@link guardDataSource} changed. Entities in memory stay as they are; a DataSource that
 * is not guarded is left alone.
 */
export function unguardDataSource(dataSource: DataSource): void {
  unregisterGuard(dataSource);
}
