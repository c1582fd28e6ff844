import type { DataSource } from "typeorm";
import { runParallel } from "typeorm-concurrency";
import type { Task } from "./tasks";

/** A way to do a task for each of many titles. */
export type Way = (dataSource: DataSource, titles: readonly string[], task: Task) => Promise<unknown>;

/** Bare TypeORM: a transaction for each, all at once. */
export const transactions: Way = (dataSource, titles, task) =>
  Promise.allSettled(titles.map((title) => dataSource.transaction((manager) => task(title, manager))));

/** A unit of work for each, as many at once as the pool has connections. */
export const inParallel: Way = (dataSource, titles, task) =>
  runParallel(dataSource, titles, task, { retries: Infinity, minDelayMs: 5, maxDelayMs: 100 });

/** A unit of work for each, one after the other. */
export const inSequence: Way = (dataSource, titles, task) =>
  runParallel(dataSource, titles, task, { concurrency: 1 });
