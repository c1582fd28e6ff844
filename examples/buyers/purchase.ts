import type { EntityManager } from "typeorm";
import { isOptimisticLockError } from "typeorm-concurrency";
import { buyOne } from "./buy-one";
import type { Tally } from "./tally";

/**
 * One purchase, written into the tally. A refused one is over; with `triesAgain` the buyer reads the product again
 * and buys what is there now, until it works.
 */
export async function purchase(
  manager: EntityManager,
  productId: number,
  tally: Tally,
  { triesAgain }: { triesAgain: boolean },
): Promise<void> {
  for (;;) {
    tally.attempted += 1;
    try {
      await buyOne(manager, productId);
      tally.acknowledged += 1;
      return;
    } catch (error) {
      if (!isOptimisticLockError(error)) throw error;
      tally.refused += 1;
      if (!triesAgain) return;
    }
  }
}
