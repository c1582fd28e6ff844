import type { ObjectLiteral } from "typeorm";
import type { ConflictStrategy } from "./conflict-strategy";

/**
 * A strategy by which the row wins: the caller's object takes its values, and nothing is left to be saved. An object
 * whose row is gone keeps its values and stands for no row any more; a later save of it inserts one.
 */
export function storeWins<E extends ObjectLiteral = ObjectLiteral>(): ConflictStrategy<E> {
  return ({ database }) => database;
}
