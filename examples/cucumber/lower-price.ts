import { mergeChanges } from "typeorm-concurrency";
import type { Product } from "./product";

/** Where both have changed the price, the lower one; where both have changed something else, the conflict is thrown again. */
export const lowerPrice = mergeChanges<Product>({
  onOverlap: ({ property, current, database }) =>
    property === "price" ? Math.min(current as number, database as number) : undefined,
});
