import { setImmediate, setTimeout } from "node:timers/promises";
import type { EntityManager } from "typeorm";
import { Product } from "./product";

const longestThoughtMs = 2;

/** What a shop does: reads the product, lets the buyer think, and saves it with one piece less in stock. */
export async function buyOne(manager: EntityManager, productId: number): Promise<void> {
  const product = await manager.findOneByOrFail(Product, { id: productId });
  await think();
  product.stock -= 1;
  product.sold += 1;
  await manager.save(product);
}

async function think(): Promise<void> {
  await setTimeout(Math.random() * longestThoughtMs);
  // SQLite's driver never waits, so without this the timers of many buyers would leave Ctrl-C no turn.
  await setImmediate();
}
