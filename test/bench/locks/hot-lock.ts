import { setImmediate } from "node:timers/promises";
import { markdownTable, milliseconds } from "../markdown-table";
import { median, quantile } from "../quantile";
import type { LockBench } from "./lock-bench";
import { itemsOf, type LockPlace } from "./lock-place";

const callers = 32;
const locksOfCaller = 30;
const rounds = 3;

interface HotLockRound {
  readonly perSecond: number;
  /** Of each, from when it was asked for until it was held. */
  readonly waitedMs: readonly number[];
}

/** Many callers of one process want the same entity, again and again. */
export async function hotLock(places: readonly LockPlace[], { counter, signal }: LockBench): Promise<string> {
  const measured = places.map((place) => ({ place, rounds: [] as HotLockRound[], statements: 0 }));
  for (const { place } of measured) await letAllWant(place, 2, signal);
  // In turn, so that whatever slows the machine down slows all of them.
  for (let round = 0; round < rounds; round++) {
    for (const each of measured) {
      each.statements += await counter.during(async () => {
        each.rounds.push(await letAllWant(each.place, locksOfCaller, signal));
      });
    }
  }
  const rows = measured.map(({ place, rounds: its, statements }) => {
    const waitedMs = its.flatMap((round) => round.waitedMs);
    return [
      place.name,
      (statements / waitedMs.length).toFixed(1),
      median(its.map(({ perSecond }) => perSecond)).toFixed(0),
      milliseconds(quantile(waitedMs, 0.5)),
      milliseconds(quantile(waitedMs, 0.99)),
    ];
  });
  const perSecond = `acquisitions per second (median of ${rounds})`;
  const headings = ["backend", "statements each", perSecond, "p50 wait", "p99 wait"];
  return `${callers} callers, ${locksOfCaller} each, one entity:\n\n${markdownTable(headings, rows, 1)}`;
}

async function letAllWant(
  { name, registry }: LockPlace,
  locks: number,
  signal: AbortSignal,
): Promise<HotLockRound> {
  const resources = itemsOf([1]);
  const waitedMs: number[] = [];
  let holders = 0;
  const startedAt = performance.now();
  await Promise.all(
    Array.from({ length: callers }, async (_, caller) => {
      for (let lock = 0; lock < locks; lock++) {
        const askedAt = performance.now();
        const options = { operation: `caller ${caller}`, waitMs: Infinity, signal };
        const lease = await registry.acquire(resources, options);
        waitedMs.push(performance.now() - askedAt);
        if (++holders > 1) throw new Error(`${name}: ${holders} callers hold the same entity.`);
        await setImmediate();
        holders -= 1;
        await lease.release();
      }
    }),
  );
  return { perSecond: (1000 * waitedMs.length) / (performance.now() - startedAt), waitedMs };
}
