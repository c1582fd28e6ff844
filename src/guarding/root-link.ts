import type { GuardedRow } from "./guarded-row";

/** Aggregate roots of a save, with a reason why their versions may have to be raised. */
export interface RootLink {
  roots(): readonly GuardedRow[];
  /** Asked when the save has read its rows; `raised` are the roots that are raised so far, members themselves maybe. */
  isChanged(raised: ReadonlySet<GuardedRow>): boolean;
}
