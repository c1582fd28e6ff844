import type { DataSource, EntityManager } from "typeorm";
import { createSerialActor, runUnitOfWork } from "typeorm-concurrency";
import type { ScratchDatabaseName } from "../support/scratch-database";
import { BenchDatabase } from "./bench-database";
import { hotRowTable, type HotRowResult } from "./hot-row-table";
import { Item } from "./item";
import { createDistantDatabase } from "./latency/distant-database";

const callers = 32;
const unitsOfCaller = 30;
const id = 1;

/** One way to take one piece of the one item, so that no two get the same. */
interface Way {
  readonly name: string;
  readonly takeOne: () => Promise<unknown>;
}

/** Lets many callers at once change the same row, in each way; resolves to a Markdown table. */
export async function hotRow(
  name: ScratchDatabaseName,
  latencyMs: number,
  signal: AbortSignal,
): Promise<string> {
  const scratch = await createDistantDatabase(name, latencyMs);
  try {
    const database = await BenchDatabase.open(scratch);
    try {
      const results: HotRowResult[] = [];
      for (const way of waysOn(name, database)) {
        signal.throwIfAborted();
        await database.fill(1);
        for (let warmUp = 0; warmUp < 20; warmUp++) await way.takeOne();
        await database.fill(1);
        results.push(await measure(way, database.bare));
      }
      return `${callers} callers, ${unitsOfCaller} units each, one row:\n\n${hotRowTable(results)}\n`;
    } finally {
      await database.close();
    }
  } finally {
    await scratch.drop();
  }
}

function waysOn(name: ScratchDatabaseName, { bare, guarded }: BenchDatabase): Way[] {
  const actor = createSerialActor(guarded, { retries: Infinity });
  const pessimistic: Way = {
    name: "bare TypeORM, pessimistic_write",
    takeOne: () =>
      bare.transaction(async (manager) => {
        const lock = { mode: "pessimistic_write" } as const;
        await takeFrom(manager, await manager.findOneOrFail(Item, { where: { id }, lock }));
      }),
  };
  const load = async (manager: EntityManager): Promise<void> =>
    takeFrom(manager, await manager.findOneByOrFail(Item, { id }));
  return [
    // SQLite has no such lock, and bare TypeORM no two transactions at once there.
    ...(name === "sqlite" ? [] : [pessimistic]),
    { name: "runUnitOfWork", takeOne: () => runUnitOfWork(guarded, load, { retries: Infinity }) },
    { name: "serial actor", takeOne: () => actor.run(id, load) },
  ];
}

async function takeFrom(manager: EntityManager, item: Item): Promise<void> {
  item.stock -= 1;
  await manager.save(item);
}

async function measure({ name, takeOne }: Way, { manager }: DataSource): Promise<HotRowResult> {
  const before = await manager.findOneByOrFail(Item, { id });
  const tookMs: number[] = [];
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async () => {
      for (let unit = 0; unit < unitsOfCaller; unit++) {
        const unitStartedAt = performance.now();
        await takeOne();
        tookMs.push(performance.now() - unitStartedAt);
      }
    }),
  );
  const seconds = (performance.now() - startedAt) / 1000;
  const taken = before.stock - (await manager.findOneByOrFail(Item, { id })).stock;
  if (taken !== tookMs.length)
    throw new Error(`${name}: ${tookMs.length} units were done, ${taken} are in the row.`);
  return { name, unitsPerSecond: tookMs.length / seconds, tookMs };
}
