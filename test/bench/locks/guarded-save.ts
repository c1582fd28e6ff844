import { randomUUID } from "node:crypto";
import type Redis from "ioredis";
import { DataSource } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import {
  createLockRegistry,
  createLockTables,
  databaseLocks,
  memoryLocks,
  redisLocks,
  type LockBackend,
} from "typeorm-concurrency/locks";
import { createScratchDatabase, type ScratchDatabaseName } from "../../support/scratch-database";
import { BenchDatabase } from "../bench-database";
import { Item } from "../item";
import { markdownTable, milliseconds } from "../markdown-table";
import type { Contender } from "../operation";
import { ratio } from "../report";
import type { LockBench } from "./lock-bench";

const weight = 1;

interface Way {
  readonly name: string;
  readonly backend?: (dataSource: DataSource) => LockBackend;
}

/** What the guard's option `locks` adds to the save of one loaded entity that nobody holds. */
export async function guardedSave(
  databases: readonly ScratchDatabaseName[],
  redis: Redis | undefined,
  bench: LockBench,
): Promise<string> {
  const rows: string[][] = [];
  const prefix = `bench-${randomUUID()}`;
  const ways: readonly Way[] = [
    { name: "none" },
    { name: "memory", backend: () => memoryLocks() },
    { name: "the same database", backend: databaseLocks },
    ...(redis === undefined ? [] : [{ name: "Redis", backend: () => redisLocks(redis, { prefix }) }]),
  ];
  for (const name of databases) {
    const measured = await measureOn(name, ways, bench);
    for (const [index, each] of measured.entries()) {
      rows.push([
        index === 0 ? `${name} (${bench.roundsOf(weight)} rounds)` : "",
        each.name,
        String(each.statements),
        milliseconds(each.medianMs),
        ratio(each, measured[0]),
      ]);
    }
  }
  return markdownTable(["guarded save on", "locks in", "statements", "median", "÷ without"], rows, 2);
}

async function measureOn(
  name: ScratchDatabaseName,
  ways: readonly Way[],
  bench: LockBench,
): ReturnType<LockBench["measure"]> {
  const scratch = await createScratchDatabase(name);
  try {
    const database = await BenchDatabase.open(scratch, bench.counter);
    const contenders: Contender[] = [];
    try {
      await database.fill(ways.length);
      await createLockTables(database.bare);
      for (const [index, way] of ways.entries()) contenders.push(await saving(way, index + 1, database));
      return await bench.measure(`guarded save on ${name}`, contenders, weight);
    } finally {
      for (const contender of contenders) await contender.close?.();
      await database.close();
    }
  } finally {
    await scratch.drop();
  }
}

async function saving({ backend, name }: Way, id: number, database: BenchDatabase): Promise<Contender> {
  const { counter, options } = database;
  const dataSource = new DataSource({ ...options, entities: [Item], logging: true, logger: counter });
  const locks = backend && createLockRegistry({ backend: backend(dataSource) });
  const { manager } = await guardDataSource(dataSource, locks && { locks }).initialize();
  // Redis gets to know the script.
  await locks?.holderOf({ target: Item, id });
  const item = await manager.findOneByOrFail(Item, { id });
  return {
    name,
    async run() {
      item.stock -= 1;
      await manager.save(item);
    },
    close: () => dataSource.destroy(),
  };
}
