import { type DataSource, type EntitySubscriberInterface } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Account } from "../support/account";
import type { Scratch } from "../support/databases";

export const rolledBack = new Error("rolled back on purpose");

/** A guarded DataSource with a small pool, and an unguarded one that looks at what is committed. */
export async function open(
  scratch: Scratch,
  poolSize = 2,
  entities: Function[] = [],
): Promise<{ mine: DataSource; looker: DataSource }> {
  const all = [Account, ...entities];
  const extra = { synchronize: true, poolSize, timeout: 1000, busyTimeout: 1000 };
  const mine = await guardDataSource(scratch.dataSource(all, extra)).initialize();
  const looker = await scratch.dataSource(all).initialize();
  return { mine, looker };
}

export async function reset(looker: DataSource): Promise<void> {
  await looker.manager.clear(Account);
  await looker.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
}

export async function ids(looker: DataSource): Promise<number[]> {
  return (await looker.manager.find(Account, { order: { id: "ASC" } })).map(({ id }) => id);
}

/** Runs with a subscriber that comes before the guard's own, as those of an application do. */
export async function withSubscriber<T>(
  dataSource: DataSource,
  subscriber: EntitySubscriberInterface,
  work: () => Promise<T>,
): Promise<T> {
  dataSource.subscribers.unshift(subscriber);
  try {
    return await work();
  } finally {
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1);
  }
}

export async function settled<T>(work: Promise<T>): Promise<PromiseSettledResult<T>> {
  const [outcome] = await Promise.allSettled([work]);
  return outcome!;
}

export async function ticks(count: number): Promise<void> {
  for (let tick = 0; tick < count; tick++) await Promise.resolve();
}
