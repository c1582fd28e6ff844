import type { DataSource } from "typeorm";
import { Product } from "./product";

const startingStock = 100_000;

/** Puts new products into an emptied shop; resolves to their ids. */
export async function fillShop(dataSource: DataSource, rows: number): Promise<number[]> {
  await dataSource.synchronize(true);
  const products = Array.from({ length: rows }, (_, index) =>
    dataSource.manager.create(Product, { name: `product ${index + 1}`, stock: startingStock, sold: 0 }),
  );
  await dataSource.manager.save(products);
  return products.map(({ id }) => id);
}

/** Reads all rows: how many purchases they show. */
export async function countSold(dataSource: DataSource): Promise<number> {
  const products = await dataSource.manager.find(Product);
  return products.reduce((sum, { sold }) => sum + sold, 0);
}
