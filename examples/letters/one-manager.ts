import type { DataSource, EntityManager } from "typeorm";
import { Mutex } from "./mutex";
import { storeLetter } from "./store-letter";

// A letter that cannot be stored shall not take the others along, so each has a transaction inside the transaction.
function storeAlone(manager: EntityManager, recipient: string): Promise<number> {
  return manager.transaction((nested) => storeLetter(nested, recipient));
}

/** One manager, one letter after the other. */
export function inSequence(dataSource: DataSource, recipients: readonly string[]): Promise<number[]> {
  return dataSource.transaction(async (manager) => {
    const seen: number[] = [];
    for (const recipient of recipients) seen.push(await storeAlone(manager, recipient));
    return seen;
  });
}

/** One manager, all letters at once. */
export function sharing(dataSource: DataSource, recipients: readonly string[]): Promise<number[]> {
  return dataSource.transaction((manager) =>
    Promise.all(recipients.map((recipient) => storeAlone(manager, recipient))),
  );
}

/** One manager, all letters at once, each of which waits for its turn. */
export function underMutex(dataSource: DataSource, recipients: readonly string[]): Promise<number[]> {
  const mutex = new Mutex();
  return dataSource.transaction((manager) =>
    Promise.all(recipients.map((recipient) => mutex.run(() => storeAlone(manager, recipient)))),
  );
}
