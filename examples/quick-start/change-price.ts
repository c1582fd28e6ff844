import { isOptimisticLockError } from "typeorm-concurrency";
import { dataSource } from "./data-source";
import { Product } from "./product";

/** Saves what somebody edited on a page that showed the product at `version`. */
export async function changePrice(id: number, version: number, price: number): Promise<string> {
  const products = dataSource.getRepository(Product);
  const product = await products.findOneByOrFail({ id });
  product.version = version; // what this editor has seen, which may be older than what was just loaded
  product.price = price;
  try {
    await products.save(product);
    return `saved as version ${product.version}`;
  } catch (error) {
    if (!isOptimisticLockError(error)) throw error;
    const [{ reason, expected, actual }] = error.conflicts as [(typeof error.conflicts)[number]];
    return reason === "deleted"
      ? "somebody has deleted it"
      : `you edited version ${expected["version"]}, it is at version ${actual?.["version"]} now`;
  }
}
