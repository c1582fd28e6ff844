import type { EntityManager, ObjectLiteral } from "typeorm";
import type { ConflictStrategy } from "./conflict-strategy";
import { settleConflicts } from "./settle-conflicts";

/**
 * Resolves all conflicts of a refused save, remove, softRemove or recover, or of `touch` or `verifyUnchanged`: reads the
 * rows as they are now, on the primary, and gives the refused objects what the strategy decides. They then count as loaded
 * just now, and can be saved or removed again; nothing is written here.
 *
 * @param manager the one whose call was refused. In a transaction the rows are locked until it ends, where the database
 * has such locks.
 * @param error the {@link OptimisticLockError}. Anything else is thrown again.
 * @param strategy {@link clientWins}, {@link storeWins}, {@link mergeChanges} or a function of your own, called for each
 * object, one after the other.
 * @throws the same error when it cannot be resolved: by this strategy, or since a conflict has no object, of
 * `updateExpecting` for one; what the strategy throws; GuardConfigurationError for a strategy that is none or returns no
 * entity, and for a DataSource that is not guarded. In all these cases every object stays as it was.
 */
export async function resolveConflicts<E extends ObjectLiteral = ObjectLiteral>(
  manager: EntityManager,
  error: unknown,
  strategy: ConflictStrategy<E>,
): Promise<void> {
  await settleConflicts(manager, error, strategy);
}
