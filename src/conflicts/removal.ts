import type { Conflict } from "../errors/conflict";

/** Whether the refused write was to take the row away. */
export function isRemoval({ operation }: Pick<Conflict, "operation">): boolean {
  return operation === "remove" || operation === "soft-remove";
}
