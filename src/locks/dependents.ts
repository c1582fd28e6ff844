import type { DataSource, EntityManager } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { LockResource, ResolvedResource } from "./lock-resource";
import { resolveResource } from "./resolve-resource";

/**
 * Everything that a change of some entities would also touch, one step further: the tasks of a project, the totals that
 * are computed from them. It is asked again for what it has answered, until nothing new appears, so it need not look
 * further than one step, and may answer in cycles.
 *
 * @param resources all that is new, at once: query for all of them together. As they were given, each row once.
 * @param manager the DataSource's.
 */
export type Dependents = (
  resources: readonly LockResource[],
  manager: EntityManager,
) => Promise<Iterable<LockResource>> | Iterable<LockResource>;

/** Resolves resources, and follows what depends on them until nothing new appears. */
export async function withDependents(
  dataSources: readonly DataSource[],
  dependents: Dependents | undefined,
  resources: Iterable<LockResource>,
): Promise<Map<string, ResolvedResource>> {
  const found = new Map<string, ResolvedResource>();
  let added = addNew(found, dataSources, resources);
  if (dependents === undefined) return found;
  const manager = dataSources.find(({ isInitialized }) => isInitialized)?.manager;
  if (manager === undefined) {
    throw new GuardConfigurationError(
      `"dependents" needs a DataSource to ask. Give the lock registry an initialized "dataSource".`,
    );
  }
  while (added.length > 0) {
    added = addNew(found, dataSources, await dependents(added, manager));
  }
  return found;
}

function addNew(
  found: Map<string, ResolvedResource>,
  dataSources: readonly DataSource[],
  resources: Iterable<LockResource>,
): LockResource[] {
  const added: LockResource[] = [];
  for (const resource of resources) {
    const resolved = resolveResource(dataSources, resource);
    if (found.has(resolved.key)) continue;
    found.set(resolved.key, resolved);
    added.push(resource);
  }
  return added;
}
