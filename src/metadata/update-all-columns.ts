import { declare } from "./declaration";

/**
 * Every UPDATE of a save writes all columns of the entity and not only those that changed, so that two edits of
 * different columns can never mix into a row that nobody wrote. An entity that was loaded in part cannot be saved
 * then (UncheckedWriteError). `@Unversioned()` columns are written only when they changed.
 *
 * It says nothing of whether a stale save is refused; that is for a `@RowVersion()` or tokens beside it.
 */
export function UpdateAllColumns(): ClassDecorator {
  return (target) => declare(target, { updateAllColumns: true });
}
