import type { ObjectLiteral } from "typeorm";
import type { ConflictStrategy } from "./conflict-strategy";
import { isRemoval } from "./removal";

export interface ClientWinsOptions {
  /** Whether a row that was deleted is inserted again by the next save. Default false: the conflict is thrown again. */
  readonly recreate?: boolean;
}

/**
 * A strategy by which the caller's object wins as a whole: the next save writes every loaded column in which it differs
 * from the row as it is now, those that only others have changed included. To keep others' changes of other columns use
 * {@link mergeChanges}. What a remove or softRemove finds gone is let go: there is nothing left to do.
 */
export function clientWins<E extends ObjectLiteral = ObjectLiteral>({
  recreate = false,
}: ClientWinsOptions = {}): ConflictStrategy<E> {
  return ({ conflict, current, database, error }) => {
    if (database !== null) return current;
    if (isRemoval(conflict)) return null;
    if (recreate) return current;
    throw error;
  };
}
