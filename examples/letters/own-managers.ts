import type { DataSource } from "typeorm";
import { runParallel, runUnitOfWork } from "typeorm-concurrency";
import { storeLetter } from "./store-letter";

/** A manager for each letter, and all at once: those that are more than the pool has connections queue for one. */
export function oneEach(dataSource: DataSource, recipients: readonly string[]): Promise<number[]> {
  return Promise.all(
    recipients.map((recipient) => runUnitOfWork(dataSource, (manager) => storeLetter(manager, recipient))),
  );
}

/** A manager for each letter, and as many at once as the pool has connections. */
export function oneEachFromPool(dataSource: DataSource, recipients: readonly string[]): Promise<number[]> {
  return runParallel(dataSource, recipients, (recipient, manager) => storeLetter(manager, recipient));
}
