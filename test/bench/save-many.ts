import { Between, type DataSource } from "typeorm";
import { items } from "./item";
import type { Contender, Operation, OperationKey } from "./operation";
import type { Sample } from "./sample";

interface SaveOptions {
  readonly count: number;
  readonly weight: number;
  readonly sample?: Sample;
  readonly key?: OperationKey;
  /** False where bare TypeORM would take minutes. */
  readonly hasBare?: boolean;
}

/** Each contender changes all of `count` entities that it has read, and saves them as one list. */
export function saveMany({ count, hasBare = true, key, sample = items, weight }: SaveOptions): Operation {
  return {
    ...(key && { key }),
    name: `save of a list of ${count.toLocaleString("en")}${sample.adjective}`,
    entities: count,
    weight,
    async contenders(database) {
      await database.fill(hasBare ? 2 * count : count, sample);
      const guarded = await saveList("guarded", database.guarded, sample, 1, count);
      if (!hasBare) return [guarded];
      return [await saveList("bare TypeORM", database.bare, sample, count + 1, count), guarded];
    },
  };
}

async function saveList(
  name: string,
  { manager }: DataSource,
  { change, entity }: Sample,
  first: number,
  count: number,
): Promise<Contender> {
  const loaded = await manager.findBy(entity, { id: Between(first, first + count - 1) });
  return {
    name,
    async run() {
      for (const each of loaded) change(each);
      await manager.save(loaded);
    },
  };
}
