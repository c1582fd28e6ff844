import { isDeepStrictEqual } from "node:util";
import type { Conflict } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";
import type { Guard } from "../guarding/guard";

/** The conflicts of the last refused run, to tell whether a run is refused for what it has read itself. */
export class Refusals {
  #before: readonly Conflict[] = [];

  constructor(private readonly guard: Guard) {}

  /**
   * Notes the conflicts of a run.
   *
   * @returns the conflict that the last refused run had too: what was expected there was not read in this run.
   */
  note({ conflicts }: OptimisticLockError): Conflict | undefined {
    const repeated = conflicts.find((conflict) =>
      this.#before.some((before) => this.#isRepeated(before, conflict)),
    );
    this.#before = conflicts;
    return repeated;
  }

  // A version never comes back. Other values may, so of another object the row must not have changed meanwhile either.
  #isRepeated(before: Conflict, now: Conflict): boolean {
    return (
      before.entityName === now.entityName &&
      isDeepStrictEqual(before.id, now.id) &&
      isDeepStrictEqual(before.expected, now.expected) &&
      ((now.entity !== undefined && before.entity === now.entity) ||
        this.#hasVersion(now) ||
        isDeepStrictEqual(before.actual, now.actual))
    );
  }

  #hasVersion({ expected, target }: Conflict): boolean {
    const { dataSource } = this.guard;
    if (!dataSource.hasMetadata(target)) return false;
    const version = this.guard.describe(dataSource.getMetadata(target))?.rowVersion;
    return version !== undefined && version.propertyPath in expected;
  }
}
