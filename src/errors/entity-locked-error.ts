import { TypeORMError } from "typeorm";
import { errorCodes, hasCode } from "./error-codes";
import { formatRow, formatValue } from "./format-value";
import type { HeldLock } from "./held-lock";

const locksInMessage = 5;

/**
 * Entities are locked by another operation. Nothing was locked, or nothing of the save was written. A web service answers
 * with 409, and says what the message says.
 */
export class EntityLockedError extends TypeORMError {
  readonly code = errorCodes.entityLocked;
  /** Every entity of the call that is locked by another operation, at least one. */
  readonly locks: readonly [HeldLock, ...HeldLock[]];

  constructor(
    /** What was refused: `a save`, `the locks of operation 'import'`. */
    readonly refused: string,
    locks: readonly [HeldLock, ...HeldLock[]],
    /** The way out, in a sentence. */
    remedy = `Try again when that operation has ended, let "acquire" wait for it with "waitMs", or tell whoever asked for it ` +
      `what it is.`,
  ) {
    super(`${describe(locks)} Refused: ${refused}. ${remedy}`);
    this.locks = Object.freeze<[HeldLock, ...HeldLock[]]>([...locks]);
  }
}

/** Whether `error` is an {@link EntityLockedError}, also one from another copy of the package. */
export function isEntityLockedError(error: unknown): error is EntityLockedError {
  return hasCode(error, errorCodes.entityLocked);
}

function describe(locks: readonly HeldLock[]): string {
  const shown = locks.slice(0, locksInMessage).map(describeLock);
  const hidden = locks.length - shown.length;
  const more = hidden > 0 ? ` So are ${hidden} more, see "locks".` : "";
  return `${shown.join(" ")}${more}`;
}

function describeLock({ entityName, fencingToken, id, operation, reason, since }: HeldLock): string {
  const key = typeof id === "object" && id !== null && Object.getPrototypeOf(id) === Object.prototype;
  const row = key ? formatRow(entityName, id as Record<string, unknown>) : `${entityName} ${formatValue(id)}`;
  const state = fencingToken === undefined ? "is awaited" : "is locked";
  const why = reason === undefined ? "" : ` (${reason})`;
  return `${row} ${state} by operation ${formatValue(operation)}${why} since ${since.toISOString()}.`;
}
