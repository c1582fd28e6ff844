import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { declare, type CompareMode } from "./declaration";

/** How an entity without a version is checked. */
export interface OptimisticLockingOptions {
  /**
   * `changed-columns`: the columns that a save changes must be as they were read; two saves of different columns both
   * go through. `all-columns`: every column must be as it was read. A remove, softRemove or recover compares all of
   * them either way.
   */
  readonly compare: CompareMode;
}

const choices: readonly unknown[] = ["changed-columns", "all-columns"] satisfies CompareMode[];

/**
 * Checks the rows of an entity by their columns: for tables whose schema cannot change. Where it can, a `@RowVersion()`
 * is shorter, cheaper, and also notices a value that was changed and changed back.
 *
 * Columns that are `@Unversioned()` are left out.
 *
 * @throws GuardConfigurationError for another value of `compare`.
 */
export function OptimisticLocking({ compare }: OptimisticLockingOptions): ClassDecorator {
  return (target) => declare(target, { compare: compareMode(compare, target.name) });
}

export function compareMode(compare: CompareMode, entityName: string): CompareMode {
  if (choices.includes(compare)) return compare;
  throw new GuardConfigurationError(
    `"compare" of ${entityName}'s optimistic locking must be "changed-columns" or "all-columns", not ${compare as string}.`,
  );
}
