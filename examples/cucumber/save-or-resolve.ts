import type { EntityManager } from "typeorm";
import { isOptimisticLockError, resolveConflicts, type ConflictStrategy } from "typeorm-concurrency";
import type { Product } from "./product";

/** Saves what an editor has made of a product; when somebody else was faster, by what the strategy makes of both. */
export async function saveOrResolve(
  manager: EntityManager,
  product: Product,
  strategy: ConflictStrategy<Product>,
): Promise<void> {
  try {
    await manager.save(product);
  } catch (error) {
    if (!isOptimisticLockError(error)) throw error;
    await resolveConflicts(manager, error, strategy); // product can be saved again, as the strategy wants it
    await manager.save(product);
  }
}
