import type { DeepPartial, ObjectLiteral } from "typeorm";
import type { Conflict } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";

/** What a strategy decides by: one refused entity, three times. */
export interface ConflictValues<E extends ObjectLiteral = ObjectLiteral> {
  /**
   * The entity as it was loaded, with the columns that were; a related entity may be there by its key alone. Undefined
   * when nobody knows: the object was never loaded through the guarded DataSource, or its caller has named the version
   * of another state than the one it was loaded with.
   */
  readonly original: E | undefined;
  /** The object that was refused, itself. */
  readonly current: E;
  /** The row as it is now, soft-deleted or not, in another object; null when it is gone. */
  readonly database: E | null;
  readonly conflict: Conflict<E>;
  /** The error that is being resolved; a strategy that cannot settle this conflict throws it. */
  readonly error: OptimisticLockError;
  /**
   * Property paths of the columns and of the relations with a foreign key that the caller has changed since the load:
   * `price`, `address.city`, `owner`. Without an original: all that are defined. Never the row version, nor what TypeORM
   * or the database stamps or computes.
   */
  readonly mine: readonly string[];
  /** Property paths of what the row has otherwise than it was loaded. Without an original: the same as `overlapping`. */
  readonly theirs: readonly string[];
  /** Property paths of what both have changed, each to something else. Without an original: all in which both differ. */
  readonly overlapping: readonly string[];
  /** Whether the row has been soft-deleted since the load. */
  readonly isSoftDeleted: boolean;
}

/**
 * The entity with the values that are to be saved: `current`, edited or not, `database`, `original`, or an object of
 * some properties. Of what such an object does not say the row is left as it is. Null, for a row that is gone, lets it be.
 */
export type ConflictResolution<E extends ObjectLiteral> = E | DeepPartial<E> | null;

/** What to do about one conflict. Called once for each refused object, one after the other; it may take its time. */
export type ConflictStrategy<E extends ObjectLiteral = ObjectLiteral> = (
  values: ConflictValues<E>,
) => ConflictResolution<E> | Promise<ConflictResolution<E>>;
