import type { ObjectLiteral } from "typeorm";
import type { ConflictResolution, ConflictStrategy } from "./conflict-strategy";
import { propertyAt, setPropertyAt } from "./property-at";
import { isRemoval } from "./removal";

/** One column or relation that both sides have changed, each to something else. */
export interface Overlap<E extends ObjectLiteral = ObjectLiteral> {
  /** The property's path: `price`, `address.city`, or `owner` for a relation, whose values are related entities. */
  readonly property: string;
  /** As it was loaded; undefined when nobody knows. */
  readonly original: unknown;
  /** What the caller has made of it. */
  readonly current: unknown;
  /** What the row holds now. */
  readonly database: unknown;
  /** The object that was refused. */
  readonly entity: E;
}

export interface MergeOptions<E extends ObjectLiteral = ObjectLiteral> {
  /**
   * Decides what both have changed: returns the value to use, or undefined to have the conflict thrown again. It may be
   * async. Default: the conflict is thrown again.
   */
  readonly onOverlap?: (overlap: Overlap<E>) => unknown;
}

/**
 * A strategy that merges column by column: what only the caller has changed stays, what only others have changed is taken
 * over, and what both have changed goes to `onOverlap`. The conflict is thrown again where no merge can settle it: a row
 * that is gone, or soft-deleted meanwhile, and was to be changed; a row that was changed and is to be removed.
 */
export function mergeChanges<E extends ObjectLiteral = ObjectLiteral>({
  onOverlap,
}: MergeOptions<E> = {}): ConflictStrategy<E> {
  return async (values) => {
    const { conflict, current, database, error, isSoftDeleted, mine, original, overlapping } = values;
    if (database === null && isRemoval(conflict)) return null;
    if (database === null || isRemoval(conflict) || (isSoftDeleted && mine.length > 0)) throw error;
    const merged: ObjectLiteral = {};
    for (const property of mine) {
      let value = propertyAt(current, property);
      if (overlapping.includes(property)) {
        value = await onOverlap?.({
          property,
          original: propertyAt(original, property),
          current: value,
          database: propertyAt(database, property),
          entity: current,
        });
        if (value === undefined) throw error;
      }
      setPropertyAt(merged, property, value);
    }
    return merged as ConflictResolution<E>;
  };
}
