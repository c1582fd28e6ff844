import type { DataSourceOptions } from "typeorm";
import { Connections } from "./connections";
import type { Contender } from "./contenders";
import type { DemoOptions } from "./options";
import { purchase } from "./purchase";
import { countSold, fillShop } from "./shop";
import type { Outcome, Tally } from "./tally";

/** All buyers buy at once in a new shop, each on a connection of their own; then the rows are read back. */
export async function rush(
  database: DataSourceOptions,
  { name, isGuarded, triesAgain }: Contender,
  { buyers, rows, purchases }: Pick<DemoOptions, "buyers" | "rows" | "purchases">,
  report: (done: number) => void,
  signal: AbortSignal,
): Promise<Outcome> {
  const connections = new Connections(database);
  try {
    const office = await connections.open({ isGuarded: false });
    const productIds = await fillShop(office, rows);
    const counters = [];
    for (let buyer = 0; buyer < buyers; buyer++) counters.push(await connections.open({ isGuarded }));

    const tally: Tally = { attempted: 0, acknowledged: 0, refused: 0 };
    const failure = new AbortController();
    const stop = AbortSignal.any([signal, failure.signal]);
    let done = 0;
    const started = performance.now();
    await Promise.all(
      counters.map(async ({ manager }) => {
        for (let count = 0; count < purchases && !stop.aborted; count++) {
          await purchase(manager, anyOf(productIds), tally, { triesAgain }).catch((error: unknown) =>
            failure.abort(error),
          );
          report(++done);
        }
      }),
    );
    stop.throwIfAborted();
    const tookMs = performance.now() - started;

    const inTheRows = await countSold(office);
    return { contender: name, ...tally, inTheRows, lost: tally.acknowledged - inTheRows, tookMs };
  } finally {
    await connections.close();
  }
}

function anyOf(productIds: readonly number[]): number {
  return productIds[Math.floor(Math.random() * productIds.length)]!;
}
