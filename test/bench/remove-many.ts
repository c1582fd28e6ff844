import type { DataSource } from "typeorm";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";

// SQLite takes no statement that names 1,000 rows in the way TypeORM does.
const chunk = 500;

/** Each contender removes `count` entities that it has read, as one list; new ones are there for every round. */
export function removeMany(count: number, weight: number): Operation {
  return {
    key: "remove-list",
    name: `remove of a list of ${count.toLocaleString("en")}`,
    entities: count,
    weight,
    async contenders(database) {
      await database.fill(0);
      return [
        removeList("bare TypeORM", database, database.bare, count),
        removeList("guarded", database, database.guarded, count),
      ];
    },
  };
}

function removeList(
  name: string,
  database: BenchDatabase,
  { manager }: DataSource,
  count: number,
): Contender {
  let items: Item[] = [];
  return {
    name,
    async prepare() {
      await database.add(count);
      items = await manager.find(Item);
      if (items.length !== count) throw new Error(`${items.length} items were found instead of ${count}.`);
    },
    async run() {
      await manager.remove(items, { chunk });
    },
  };
}
