import type { EntityManager, QueryRunner } from "typeorm";
import { findFlow, Flow } from "./flow";
import type { Guard } from "./guard";

/** One run of a unit of work. While it lasts, the DataSource's own managers work on its connection. */
export class UnitFlow extends Flow {
  constructor(
    readonly guard: Guard,
    readonly queryRunner: QueryRunner,
    readonly manager: EntityManager,
  ) {
    super(guard);
  }
}

/** The unit of work of this DataSource that the running code is in. */
export function currentUnit(guard: Guard): UnitFlow | undefined {
  return findFlow(guard, UnitFlow);
}

/** The query runner for work that names none: the unit of work's, if the running code is in one. */
export function ambientQueryRunner(guard: Guard): QueryRunner | undefined {
  return guard.isActive ? currentUnit(guard)?.queryRunner : undefined;
}
