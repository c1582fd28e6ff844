import type { DataSource } from "typeorm";
import type { BenchDatabase } from "./bench-database";
import { Item, items } from "./item";
import type { Contender, Operation } from "./operation";
import type { Sample } from "./sample";
import { updateByPg } from "./update-by-pg";
import { wideItems } from "./wide-item";

/** Each contender changes one column of a row of its own, which it has read beforehand. */
export const saveOne: Operation = {
  key: "save-one",
  name: "save of 1 loaded entity",
  entities: 1,
  weight: 1,
  async contenders(database) {
    await database.fill(4);
    return [
      await save("bare TypeORM", database.bare, items, 1),
      await save("guarded", database.guarded, items, 2),
      await updateByQueryBuilder(database, 3),
      ...(database.options.type === "postgres" ? [await updateByPg(database, 4)] : []),
    ];
  },
};

export const saveOneWide: Operation = {
  name: `save of 1 loaded${wideItems.adjective} entity`,
  entities: 1,
  weight: 1,
  async contenders(database) {
    await database.fill(2, wideItems);
    return [
      await save("bare TypeORM", database.bare, wideItems, 1),
      await save("guarded", database.guarded, wideItems, 2),
    ];
  },
};

/** Changes and saves one row, which it has read beforehand. */
export async function save(
  name: string,
  { manager }: DataSource,
  { change, entity }: Sample,
  id: number,
): Promise<Contender> {
  const loaded = await manager.findOneByOrFail(entity, { id });
  return {
    name,
    async run() {
      change(loaded);
      await manager.save(loaded);
    },
  };
}

async function updateByQueryBuilder({ bare }: BenchDatabase, id: number): Promise<Contender> {
  const item = await bare.manager.findOneByOrFail(Item, { id });
  return {
    name: "TypeORM's update builder, WHERE id AND version",
    async run() {
      item.stock -= 1;
      const { affected } = await bare
        .createQueryBuilder()
        .update(Item)
        .set({ stock: item.stock })
        .where("id = :id AND version = :version", item)
        .execute();
      if (affected !== 1) throw new Error("The update builder found its row changed.");
      item.version += 1;
    },
  };
}
