import { LessThanOrEqual, type DataSource } from "typeorm";
import { items } from "./item";
import type { Contender, Operation, OperationKey } from "./operation";
import type { Sample } from "./sample";

interface FindOptions {
  readonly count: number;
  readonly weight: number;
  readonly sample?: Sample;
  readonly key?: OperationKey;
}

/** Reads `count` entities at once. */
export function findMany({ count, key, sample = items, weight }: FindOptions): Operation {
  return {
    ...(key && { key }),
    name: `find of ${count.toLocaleString("en")}${sample.adjective}`,
    entities: count,
    weight,
    async contenders(database) {
      await database.fill(count, sample);
      return [
        find("bare TypeORM", database.bare, sample, count),
        find("guarded", database.guarded, sample, count),
      ];
    },
  };
}

function find(name: string, { manager }: DataSource, { entity }: Sample, count: number): Contender {
  return {
    name,
    async run() {
      const found = await manager.find(entity, { where: { id: LessThanOrEqual(count) } });
      if (found.length !== count) throw new Error(`${found.length} rows were found instead of ${count}.`);
    },
  };
}
