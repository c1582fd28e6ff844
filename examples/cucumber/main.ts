import type { DataSourceOptions } from "typeorm";
import {
  clientWins,
  isOptimisticLockError,
  mergeChanges,
  saveResolving,
  storeWins,
  type ConflictStrategy,
} from "typeorm-concurrency";
import { lowerPrice } from "./lower-price";
import type { Product } from "./product";
import { saveOrResolve } from "./save-or-resolve";
import { Shop } from "./shop";

const inMemory: DataSourceOptions = { type: "better-sqlite3", database: ":memory:" };

export async function main(database = inMemory): Promise<string[]> {
  const shop = new Shop(database);
  await shop.dataSource.initialize();
  const lines = [
    "ann changes the price, bob the title and the stock",
    ...(await differentColumns(shop, "client wins", clientWins())),
    ...(await differentColumns(shop, "store wins", storeWins())),
    ...(await differentColumns(shop, "merge", mergeChanges())),
    "both change the price",
    ...(await samePrice(shop, "merge", mergeChanges())),
    ...(await samePrice(shop, "merge, the lower price", lowerPrice)),
  ];
  await shop.dataSource.destroy();
  return lines;
}

async function differentColumns(
  shop: Shop,
  name: string,
  strategy: ConflictStrategy<Product>,
): Promise<string[]> {
  const bobs = await behindAnn(shop);
  Object.assign(bobs, { title: "Salad cucumber", stock: 8 });
  await saveOrResolve(shop.dataSource.manager, bobs, strategy);
  return report(shop, name);
}

/** The same in one call, which also tries again when somebody is faster once more. */
async function samePrice(shop: Shop, name: string, strategy: ConflictStrategy<Product>): Promise<string[]> {
  const bobs = await behindAnn(shop);
  bobs.price = 69;
  try {
    await saveResolving(shop.dataSource.manager, bobs, strategy);
    return await report(shop, name);
  } catch (error) {
    if (!isOptimisticLockError(error)) throw error;
    return await report(shop, `${name}, which is refused again`);
  }
}

/** Both have loaded the cucumber, and ann has saved hers; returns bob's. */
async function behindAnn(shop: Shop): Promise<Product> {
  await shop.restock();
  const [anns, bobs] = [await shop.cucumber(), await shop.cucumber()];
  anns.price = 79;
  await shop.dataSource.manager.save(anns);
  shop.sent.take();
  return bobs;
}

async function report(shop: Shop, name: string): Promise<string[]> {
  const [refused, ...written] = shop.sent.take();
  const { price, stock, title, version } = await shop.cucumber();
  return [
    `- ${name}: ${title}, price ${price}, stock ${stock}, version ${version}`,
    `  refused: ${refused}`,
    ...written.map((update) => `  written: ${update}`),
  ];
}

if (require.main === module) void main().then((lines) => console.log(lines.join("\n")));
