import type { EntityManager } from "typeorm";
import type { ConflictStrategy } from "../conflicts/conflict-strategy";
import { isRemoval } from "../conflicts/removal";
import { resolveConflicts } from "../conflicts/resolve-conflicts";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";

/**
 * Resolves the conflicts of a run before the next one, which will save the same objects again if they come from outside
 * the unit. Nothing is resolved when the strategy throws the conflict again, nor when it lets go an object whose row is
 * gone, which the next run would insert: only a run that loads its objects itself can succeed then.
 *
 * @throws the error when another run cannot help; whatever else the strategy throws.
 */
export async function bringUpToDate(
  manager: EntityManager,
  error: OptimisticLockError,
  strategy: ConflictStrategy,
): Promise<void> {
  const gone = new Error("The row is gone.");
  try {
    await resolveConflicts(manager, error, async (values) => {
      const resolution = await strategy(values);
      if (resolution === null && !isRemoval(values.conflict)) throw gone;
      return resolution;
    });
  } catch (thrown) {
    if (thrown !== gone && (thrown !== error || !error.retryable)) throw thrown;
  }
}
