import { isDeepStrictEqual } from "node:util";
import { OptimisticLockVersionMismatchError } from "typeorm";
import type { Conflict } from "./conflict";
import { errorCodes, hasCode } from "./error-codes";
import { formatRow, formatTokens } from "./format-value";

const conflictsInMessage = 5;

/**
 * A write was refused because a row is no longer as the writer knew it. Nothing of that save was written.
 *
 * It is TypeORM's own error for a version mismatch, so code that catches that one keeps working. Match it by
 * {@link isOptimisticLockError} where two copies of the package may be installed.
 */
export class OptimisticLockError extends OptimisticLockVersionMismatchError {
  readonly code = errorCodes.optimisticLock;
  /** Every row of the save that was in conflict, at least one. */
  readonly conflicts: readonly [Conflict, ...Conflict[]];
  /** Whether reading again and repeating the work can succeed: false once a caller named an expectation. */
  readonly retryable: boolean;

  constructor(conflicts: readonly [Conflict, ...Conflict[]]) {
    const [first] = conflicts;
    super(first.entityName, 0, 0);
    this.conflicts = Object.freeze<[Conflict, ...Conflict[]]>([...conflicts]);
    this.retryable = conflicts.every((conflict) => conflict.expectedBy === "load");
    this.message = describe(this.conflicts, this.retryable);
  }
}

/** Whether `error` is an {@link OptimisticLockError}, also one from another copy of the package. */
export function isOptimisticLockError(error: unknown): error is OptimisticLockError {
  return hasCode(error, errorCodes.optimisticLock);
}

function describe(conflicts: readonly Conflict[], retryable: boolean): string {
  const shown = conflicts.slice(0, conflictsInMessage).map(describeConflict);
  const hidden = conflicts.length - shown.length;
  const more = hidden > 0 ? ` ${hidden} more rows are in conflict, see "conflicts".` : "";
  return `${shown.join(" ")}${more} Nothing of this save was written. ${remedy(conflicts, retryable)}`;
}

function describeConflict(conflict: Conflict): string {
  const { actual, entityName, id, operation } = conflict;
  const row = formatRow(entityName, id);
  const expected = describeExpectation(conflict);
  if (actual === null) {
    return `${row} has been deleted: the ${operation} expected ${expected}, and there is no such row any more.`;
  }
  const held = formatTokens(withoutCompared(conflict, actual));
  const now = held === "" ? "it is so no more" : `the row now holds ${held}`;
  return `${row} has been changed by another writer: the ${operation} expected ${expected}, and ${now}.`;
}

function describeExpectation(conflict: Conflict): string {
  const { actual, compared = [], expected } = conflict;
  const tokens = formatTokens(withoutCompared(conflict, expected));
  const changed =
    actual === null ? [] : compared.filter((path) => !isDeepStrictEqual(expected[path], actual[path]));
  if (changed.length === 0) return tokens === "" ? "it to be there" : tokens;
  const asRead = changed.length === 1 ? "as it was read" : "as they were read";
  return `${tokens}${tokens === "" ? "" : " and "}${changed.join(" and ")} to be ${asRead}`;
}

function withoutCompared(
  { compared }: Conflict,
  values: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  if (compared === undefined) return values;
  return Object.fromEntries(Object.entries(values).filter(([path]) => !compared.includes(path)));
}

function remedy(conflicts: readonly Conflict[], retryable: boolean): string {
  if (!retryable) return "Show the current row to whoever named that version, and let them decide again.";
  return conflicts.every((conflict) => conflict.reason === "deleted")
    ? "Load again to see what is left, and insert a new entity if the row should exist."
    : "Load the entity again, apply the change to what it is now, and save that.";
}
