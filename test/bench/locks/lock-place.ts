import type { LockRegistry } from "typeorm-concurrency/locks";
import type { LockReference } from "typeorm-concurrency";
import { Item } from "../item";

/** Where locks are kept, ready to be measured. */
export interface LockPlace {
  /** `PostgreSQL` */
  readonly name: string;
  /** The server, its driver and its settings, in one line. */
  readonly setting: string;
  readonly registry: LockRegistry;
  readonly naive: NaiveLocks;
  /** Leaves nothing behind. */
  close(): Promise<void>;
}

/**
 * Locks as one writes them by hand with the raw driver: a key that is there is held. Nobody waits in turn, nothing is told of
 * the holder, no lease is renewed. It is the least that the place needs.
 */
export interface NaiveLocks {
  /** What it sends. */
  readonly name: string;
  hold(holder: string, keys: readonly string[]): Promise<void>;
  free(holder: string, keys: readonly string[]): Promise<void>;
  /** How many of the keys are held. */
  held(keys: readonly string[]): Promise<number>;
}

/** Items by their ids: `count` of them, from `first` on, `step` apart. */
export function itemIds(count: number, { first = 1, step = 1 } = {}): number[] {
  return Array.from({ length: count }, (_, index) => first + index * step);
}

export function itemsOf(ids: readonly number[]): LockReference[] {
  return ids.map((id) => ({ target: Item, id }));
}

/** As long as those of the library. */
export function naiveKeys(ids: readonly number[]): string[] {
  return ids.map((id) => `item["${id}"]`);
}
