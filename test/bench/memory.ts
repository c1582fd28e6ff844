import { setImmediate } from "node:timers/promises";
import { setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import type { DataSource } from "typeorm";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import { median } from "./quantile";

const entities = 10_000;
const rounds = 5;

/** Bytes for each of many entities. */
export interface MeasuredMemory {
  readonly entities: number;
  /** What bare TypeORM needs for them, while they are held. */
  readonly bare: number;
  /** What the guard needs beside that. */
  readonly tracking: number;
  /** What is still there of the guarded ones when nobody holds them any more. */
  readonly left: number;
}

interface Heap {
  readonly held: number;
  readonly left: number;
}

/** Finds many entities, holds them and lets them go, bare and guarded in turn, and looks at the heap. */
export async function measureMemory(database: BenchDatabase, signal: AbortSignal): Promise<MeasuredMemory> {
  await database.fill(entities);
  const bare: Heap[] = [];
  const guarded: Heap[] = [];
  // The first round is for what comes once and stays: caches, and code that V8 compiles.
  for (let round = 0; round <= rounds; round++) {
    for (const [dataSource, heaps] of [
      [database.bare, bare],
      [database.guarded, guarded],
    ] as const) {
      signal.throwIfAborted();
      const heap = await heapOf(dataSource);
      if (round > 0) heaps.push(heap);
    }
  }
  const held = median(bare.map((heap) => heap.held));
  return {
    entities,
    bare: held,
    tracking: median(guarded.map((heap) => heap.held)) - held,
    left: median(guarded.map((heap) => heap.left)),
  };
}

export function memoryLine({ bare, entities: count, left, tracking }: MeasuredMemory): string {
  const holds = `Of each of ${count.toLocaleString("en")} entities that are held, bare TypeORM keeps ${bare.toFixed(0)} bytes`;
  return `${holds}, and the guard ${tracking.toFixed(0)} more; when they are let go, ${Math.max(0, left).toFixed(0)} stay.`;
}

async function heapOf({ manager }: DataSource): Promise<Heap> {
  const before = heapUsed();
  let held: Item[] | undefined = await manager.find(Item);
  const whileHeld = heapUsed();
  if (held.length !== entities) throw new Error(`${held.length} rows were found instead of ${entities}.`);
  held = undefined;
  // What this turn of the event loop has had is kept until its end.
  await setImmediate();
  return { held: (whileHeld - before) / entities, left: (heapUsed() - before) / entities };
}

function heapUsed(): number {
  collectGarbage();
  return process.memoryUsage().heapUsed;
}

function collectGarbage(): void {
  setFlagsFromString("--expose-gc");
  const collect = runInNewContext("gc") as () => void;
  // What was only waiting for a finalizer goes the second time.
  collect();
  collect();
}
