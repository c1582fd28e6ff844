import type { DataSource } from "typeorm";
import { isOptimisticLockError } from "typeorm-concurrency";
import { Item, items } from "./item";
import type { Contender, Operation } from "./operation";
import { save } from "./save-one";

/** Saves of one entity that go through, beside saves that come too late: the row is never as they have read it. */
export const refusedSave: Operation = {
  key: "refused-save",
  name: "save of 1 stale entity",
  entities: 1,
  weight: 1,
  async contenders(database) {
    await database.fill(3);
    return [
      await save("bare TypeORM, nothing stale", database.bare, items, 1),
      await save("guarded, nothing stale", database.guarded, items, 2),
      await refused("guarded, refused", database.guarded, 3),
    ];
  },
};

async function refused(name: string, { manager }: DataSource, id: number): Promise<Contender> {
  const stale = await manager.findOneByOrFail(Item, { id });
  await manager.update(Item, { id }, { name: "changed by somebody else" });
  return {
    name,
    async run() {
      stale.stock -= 1;
      const error: unknown = await manager.save(stale).then(
        () => new Error("A stale save went through."),
        (refusal: unknown) => refusal,
      );
      if (!isOptimisticLockError(error)) throw error;
    },
  };
}
