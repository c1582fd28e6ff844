import type { EntityManager, EntityTarget, ObjectLiteral } from "typeorm";
import { formatValue } from "../errors/format-value";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { isOptimisticLockError } from "../errors/optimistic-lock-error";
import { RetriesExhaustedError } from "../errors/retries-exhausted-error";
import { guardOfManager } from "../guarding/guard-of";
import type { ConflictStrategy } from "./conflict-strategy";
import { leaveOut } from "./detached-members";
import { settleConflicts } from "./settle-conflicts";

const defaultRetries = 5;

export interface SaveResolvingOptions<E extends ObjectLiteral = ObjectLiteral> {
  /** How often to resolve and save again, at least 0. Default 5. */
  readonly retries?: number;
  /** The entity to save an object as that is none of its class and was not loaded. */
  readonly target?: EntityTarget<E>;
}

/**
 * Saves an entity; when that is refused, resolves the conflicts and saves again.
 *
 * @param manager of a guarded DataSource.
 * @param entity one entity, with all that its save cascades to.
 * @param strategy see {@link resolveConflicts}.
 * @param options see {@link SaveResolvingOptions}.
 * @returns the same entity. It is not saved when the strategy has let it go, as {@link storeWins} does when its row is gone.
 * @throws RetriesExhaustedError when it is still refused after the last retry, with no retries allowed the
 * OptimisticLockError itself; whatever the save or the strategy throws besides; GuardConfigurationError for a wrong option.
 */
export async function saveResolving<E extends ObjectLiteral>(
  manager: EntityManager,
  entity: E,
  strategy: ConflictStrategy<E>,
  { retries = defaultRetries, target: named }: SaveResolvingOptions<E> = {},
): Promise<E> {
  if (!Number.isInteger(retries) || retries < 0) {
    throw new GuardConfigurationError(
      `"retries" of saveResolving must be an integer of at least 0, not ${formatValue(retries)}.`,
    );
  }
  const { tracker } = guardOfManager(manager);
  const target = named ?? tracker.originalOf(entity)?.shape.metadata.target;
  const beganAt = performance.now();
  for (let attempt = 1; ; attempt++) {
    try {
      return await (target === undefined ? manager.save(entity) : manager.save<E, E>(target, entity));
    } catch (error) {
      if (!isOptimisticLockError(error) || retries === 0) throw error;
      if (attempt > retries) throw new RetriesExhaustedError(attempt, performance.now() - beganAt, error);
      const detached = await settleConflicts(manager, error, strategy);
      if (detached.has(entity)) return entity;
      if (detached.size > 0) leaveOut(manager, entity, target, detached);
    }
  }
}
