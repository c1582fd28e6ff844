import type { DataSource } from "typeorm";
import { guardDataSource, runParallel } from "typeorm-concurrency";
import { Account } from "../support/account";
import type { DatabaseName, Scratch } from "../support/databases";
import { Latch } from "../support/latch";

export const poolSize = 3;

/** How many items of parallel work can run at once. */
export function mostAtOnce(database: DatabaseName): number {
  return database === "sqlite" ? 1 : poolSize;
}

/** A guarded DataSource with a small pool. */
export async function openGuarded(
  scratch: Scratch,
  entities: readonly Function[] = [Account],
  extra: object = {},
): Promise<DataSource> {
  const options = { synchronize: true, poolSize, timeout: 1000, busyTimeout: 1000, ...extra };
  return guardDataSource(scratch.dataSource(entities, options)).initialize();
}

/** Whole numbers from 0. */
export function numbers(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Resolves when `count` callers have come, and lets all of them go on then. */
export function meeting(count: number): () => Promise<void> {
  const everybody = new Latch();
  let present = 0;
  return async () => {
    if (++present === count) everybody.open();
    await everybody.opened;
  };
}

/** As many items at once as the pool has connections: they meet only if none of those has been lost. */
export async function expectWholePool(dataSource: DataSource, database: DatabaseName): Promise<void> {
  const most = mostAtOnce(database);
  const meet = meeting(most);
  await runParallel(dataSource, numbers(most), async (_, manager) => {
    await manager.query("SELECT 1");
    await meet();
  });
}

/** What a promise has come to by now, if anything. */
export function watch(promise: Promise<unknown>): { readonly isSettled: boolean } {
  const state = { isSettled: false };
  const settle = (): void => {
    state.isSettled = true;
  };
  promise.then(settle, settle);
  return state;
}

/** Declares a test that needs several connections. */
export function withPool(database: DatabaseName): (name: string, body: () => Promise<void>) => void {
  return (name, body) => {
    if (mostAtOnce(database) > 1) it(name, body);
    else it.skip(`${name} (skipped: there is one connection)`, body);
  };
}
