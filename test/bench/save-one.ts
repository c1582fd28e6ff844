import type { DataSource } from "typeorm";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";
import { updateByPg } from "./update-by-pg";

/** Each contender changes one column of a row of its own, which it has read beforehand. */
export const saveOne: Operation = {
  name: "save of 1 loaded entity",
  weight: 1,
  async contenders(database) {
    await database.fill(4);
    return [
      await save("bare TypeORM", database.bare, 1),
      await save("guarded", database.guarded, 2),
      await updateByQueryBuilder(database, 3),
      ...(database.options.type === "postgres" ? [await updateByPg(database, 4)] : []),
    ];
  },
};

async function save(name: string, { manager }: DataSource, id: number): Promise<Contender> {
  const item = await manager.findOneByOrFail(Item, { id });
  return {
    name,
    async run() {
      item.stock -= 1;
      await manager.save(item);
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
