import { LessThanOrEqual, type DataSource } from "typeorm";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";

/** Reads `count` entities at once. */
export function findMany(count: number, weight: number): Operation {
  return {
    name: `find of ${count.toLocaleString("en")}`,
    weight,
    async contenders(database) {
      await database.fill(count);
      return [find("bare TypeORM", database.bare, count), find("guarded", database.guarded, count)];
    },
  };
}

function find(name: string, { manager }: DataSource, count: number): Contender {
  return {
    name,
    async run() {
      const items = await manager.find(Item, { where: { id: LessThanOrEqual(count) } });
      if (items.length !== count) throw new Error(`${items.length} items were found instead of ${count}.`);
    },
  };
}
