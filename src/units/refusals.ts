import { isDeepStrictEqual } from "node:util";
import type { ObjectLiteral } from "typeorm";
import type { Conflict } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";

/** The conflicts of the last refused run, to tell whether a run is refused for what it has read itself. */
export class Refusals {
  #before: readonly Conflict[] = [];

  /**
   * Notes the conflicts of a run.
   *
   * @param loaded the entities that were read in the run. What these expect may have come back meanwhile.
   * @returns the conflict of another entity that the last refused run had too.
   */
  note({ conflicts }: OptimisticLockError, loaded: WeakSet<ObjectLiteral>): Conflict | undefined {
    const repeated = conflicts.find(
      (conflict) =>
        !(conflict.entity !== undefined && loaded.has(conflict.entity)) &&
        this.#before.some((before) => isRepeated(before, conflict)),
    );
    this.#before = conflicts;
    return repeated;
  }
}

function isRepeated(before: Conflict, now: Conflict): boolean {
  return (
    before.entityName === now.entityName &&
    isDeepStrictEqual(before.id, now.id) &&
    isDeepStrictEqual(before.expected, now.expected)
  );
}
