import type { EntityManager } from "typeorm";
import { runParallel } from "typeorm-concurrency";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";

const rows = 1000;
const concurrencies = [1, 2, 4, 8] as const;
const rounds = 3;

interface Way {
  readonly name: string;
  /** Changes every row once, in a transaction of its own. */
  run(ids: readonly number[]): Promise<unknown>;
}

/** Units of work per second on rows that nobody fights for, by concurrency, as a Markdown table. */
export async function parallelRows(database: BenchDatabase): Promise<string> {
  await database.fill(rows);
  const ids = Array.from({ length: rows }, (_, index) => index + 1);
  const ways = [bareLoop(database), ...concurrencies.map((concurrency) => parallel(database, concurrency))];
  const measured = ways.map((way) => ({ way, tookMs: Infinity }));
  for (const { way } of measured) await way.run(ids.slice(0, rows / 10));
  // In turn, so that whatever slows the machine down slows all of them; the best of each counts.
  for (let round = 0; round < rounds; round++) {
    for (const each of measured) {
      const started = performance.now();
      await each.way.run(ids);
      each.tookMs = Math.min(each.tookMs, performance.now() - started);
    }
  }
  return tableOf(measured.map(({ way: { name }, tookMs }) => ({ name, perSecond: (1000 * rows) / tookMs })));
}

function bareLoop({ bare }: BenchDatabase): Way {
  return {
    name: "bare TypeORM, transaction() in a loop",
    async run(ids) {
      for (const id of ids) await bare.transaction((manager) => takeOne(id, manager));
    },
  };
}

function parallel({ guarded }: BenchDatabase, concurrency: number): Way {
  return {
    name: `runParallel, concurrency ${concurrency}`,
    run: (ids) => runParallel(guarded, ids, takeOne, { concurrency }),
  };
}

async function takeOne(id: number, manager: EntityManager): Promise<void> {
  const item = await manager.findOneByOrFail(Item, { id });
  item.stock -= 1;
  await manager.save(item);
}

function tableOf(ways: readonly { readonly name: string; readonly perSecond: number }[]): string {
  const single = ways[1]!.perSecond;
  const lines = ways.map(
    ({ name, perSecond }) => `| ${name} | ${perSecond.toFixed(0)} | ${(perSecond / single).toFixed(2)} |`,
  );
  return [
    `| ${rows.toLocaleString("en")} rows, one unit each: load, change, save (best of ${rounds}) | units per second | ÷ concurrency 1 |`,
    "| --- | ---: | ---: |",
    ...lines,
  ].join("\n");
}
