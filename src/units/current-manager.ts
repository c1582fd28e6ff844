import type { DataSource, EntityManager } from "typeorm";
import { guardOf } from "../guarding/guard-of";
import { currentUnit } from "../guarding/unit-flow";

/**
 * The EntityManager to work with now: that of the unit of work which the running code is in, otherwise the DataSource's
 * own.
 *
 * @throws GuardConfigurationError for a DataSource that is not guarded.
 */
export function currentManager(dataSource: DataSource): EntityManager {
  return currentUnit(guardOf(dataSource))?.manager ?? dataSource.manager;
}
