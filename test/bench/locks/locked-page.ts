import { Item } from "../item";
import { markdownTable, milliseconds } from "../markdown-table";
import type { Contender } from "../operation";
import { ratio } from "../report";
import type { Lease } from "typeorm-concurrency/locks";
import type { LockBench } from "./lock-bench";
import { itemIds, itemsOf, naiveKeys, type LockPlace } from "./lock-place";

const pageLength = 100;
const heldAtMost = 100_000;
const entitiesOfLease = 10_000;
const ttlMs = 600_000;
const weight = 1;
// All over what is held.
const page = itemIds(pageLength, { step: heldAtMost / pageLength });
const naivePage = naiveKeys(page);

interface Phase {
  readonly name: string;
  readonly ids: readonly number[];
}

const phases: readonly Phase[] = [
  { name: "nothing", ids: [] },
  { name: "the page", ids: page },
  { name: heldAtMost.toLocaleString("en"), ids: itemIds(heldAtMost) },
];

/** `lockedIds` of a page, by how much is held, beside reading as many held keys from a table of as many by the raw driver. */
export async function lockedPage(places: readonly LockPlace[], bench: LockBench): Promise<string> {
  const rows: string[][] = [];
  for (const { naive } of places) await naive.hold("page", naivePage);
  try {
    for (const { ids, name } of phases) {
      const leases = await holdAll(places, ids, bench);
      const contenders = places.flatMap((place) => [
        readingNaively(place),
        askingForPage(place, ids.length === 0 ? 0 : pageLength),
      ]);
      const measured = await bench.measure(`lockedIds, held: ${name}`, contenders, weight);
      for (const [index, place] of places.entries()) {
        const naive = measured[2 * index]!;
        const ours = measured[2 * index + 1]!;
        rows.push([
          index === 0 ? `${name} (${bench.roundsOf(weight)} rounds)` : "",
          place.name,
          String(ours.statements),
          milliseconds(ours.medianMs),
          milliseconds(naive.medianMs),
          ratio(ours, naive),
        ]);
      }
      for (const lease of leases) await lease.release();
    }
  } finally {
    for (const { naive } of places) await naive.free("page", naivePage);
  }
  const headings = ["held", "backend", "statements", "lockedIds", "naively by the driver", "÷ naively"];
  return markdownTable(headings, rows, 2);
}

async function holdAll(
  places: readonly LockPlace[],
  ids: readonly number[],
  { signal }: LockBench,
): Promise<Lease[]> {
  const leases: Lease[] = [];
  for (let start = 0; start < ids.length; start += entitiesOfLease) {
    const resources = itemsOf(ids.slice(start, start + entitiesOfLease));
    for (const { registry } of places) {
      signal.throwIfAborted();
      leases.push(await registry.acquire(resources, { operation: `bench ${start}`, ttlMs }));
    }
  }
  return leases;
}

function readingNaively({ naive }: LockPlace): Contender {
  return {
    name: naive.name,
    async run() {
      const held = await naive.held(naivePage);
      if (held !== pageLength) throw new Error(`${held} of the page were held instead of ${pageLength}.`);
    },
  };
}

function askingForPage({ name, registry }: LockPlace, expected: number): Contender {
  return {
    name,
    async run() {
      const { size } = await registry.lockedIds(Item, page);
      if (size !== expected) throw new Error(`${size} of the page were locked instead of ${expected}.`);
    },
  };
}
