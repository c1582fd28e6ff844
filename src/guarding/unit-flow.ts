import type { EntityManager, ObjectLiteral, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import { findAnyFlow, findFlow, Flow } from "./flow";
import type { Guard } from "./guard";

/** One run of a unit of work. While it lasts, the DataSource's own managers work on its connection. */
export class UnitFlow extends Flow {
  override readonly isMissed = true;
  /** Guarded entities that were read from their rows in it. */
  readonly loaded = new WeakSet<ObjectLiteral>();

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

/**
 * The query runner for work that names none: the unit of work's, if the running code is in one.
 *
 * @throws EndedUnitError for what a run of a unit has left running that was not committed.
 */
export function ambientQueryRunner(guard: Guard): QueryRunner | undefined {
  if (!guard.isActive) return undefined;
  const unit = currentUnit(guard);
  if (unit === undefined) refuseLeftovers(guard);
  return unit?.queryRunner;
}

/** @throws EndedUnitError for what a run of a unit has left running that was not committed. */
export function refuseLeftovers(guard: Guard): void {
  if (findAnyFlow(guard, UnitFlow, (flow) => flow.isDiscarded) === undefined) return;
  throw new EndedUnitError(
    `This was begun in a run of a unit of work that was rolled back, and has gone on after it: what it writes now would ` +
      `be there without the rest, and once more with the next run. Await everything that a unit of work begins, also when a ` +
      `part of it fails, and begin what is to outlive a unit outside of units.`,
  );
}

/** Whether the running code is still in the middle of something that was begun in a unit of work, and outlived that. */
export function hasOutlivedUnit(guard: Guard): boolean {
  return (
    findAnyFlow(guard, UnitFlow, (flow, isInside) => flow.isOver && (isInside || flow.isDiscarded)) !==
    undefined
  );
}
