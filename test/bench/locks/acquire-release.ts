import { markdownTable, milliseconds } from "../markdown-table";
import type { Contender } from "../operation";
import { ratio } from "../report";
import type { LockBench } from "./lock-bench";
import { itemIds, itemsOf, naiveKeys, type LockPlace } from "./lock-place";

const sizes = [
  { count: 1, weight: 1 },
  { count: 100, weight: 2 },
  { count: 10_000, weight: 20 },
] as const;

/** Acquire and release beside what the raw driver needs to put the same keys in and take them out. */
export async function acquireRelease(places: readonly LockPlace[], bench: LockBench): Promise<string> {
  const rows: string[][] = [];
  for (const { count, weight } of sizes) {
    const name = `acquire and release of ${count.toLocaleString("en")}`;
    const contenders = places.flatMap((place) => [naively(place, count), acquiring(place, count)]);
    const measured = await bench.measure(name, contenders, weight);
    for (const [index, place] of places.entries()) {
      const naive = measured[2 * index]!;
      const ours = measured[2 * index + 1]!;
      rows.push([
        index === 0 ? `${count.toLocaleString("en")} (${bench.roundsOf(weight)} rounds)` : "",
        place.name,
        naive.name,
        String(naive.statements),
        milliseconds(naive.medianMs),
        String(ours.statements),
        milliseconds(ours.medianMs),
        ratio(ours, naive),
      ]);
    }
  }
  const headings = [
    "entities",
    "backend",
    "naively",
    "naively: statements",
    "naively: median",
    "statements",
    "median",
    "÷ naively",
  ];
  return markdownTable(headings, rows, 3);
}

function naively({ naive }: LockPlace, count: number): Contender {
  const keys = naiveKeys(itemIds(count));
  return {
    name: naive.name,
    async run() {
      await naive.hold("bench", keys);
      await naive.free("bench", keys);
    },
  };
}

function acquiring({ name, registry }: LockPlace, count: number): Contender {
  const resources = itemsOf(itemIds(count));
  return {
    name,
    async run() {
      const lease = await registry.acquire(resources, {
        operation: "bench",
        reason: "to see how long it takes",
      });
      await lease.release();
    },
  };
}
