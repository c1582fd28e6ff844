import { Between, type DataSource } from "typeorm";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";

/** Each contender changes all of `count` entities that it has read, and saves them as one list. */
export function saveMany(count: number, weight: number): Operation {
  return {
    name: `save of a list of ${count.toLocaleString("en")}`,
    weight,
    async contenders(database) {
      await database.fill(2 * count);
      return [
        await saveList("bare TypeORM", database.bare, 1, count),
        await saveList("guarded", database.guarded, count + 1, count),
      ];
    },
  };
}

async function saveList(
  name: string,
  { manager }: DataSource,
  first: number,
  count: number,
): Promise<Contender> {
  const items = await manager.findBy(Item, { id: Between(first, first + count - 1) });
  return {
    name,
    async run() {
      for (const item of items) item.stock -= 1;
      await manager.save(items);
    },
  };
}
