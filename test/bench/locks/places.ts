import { ServerAbsentError, type ScratchDatabaseName } from "../../support/scratch-database";
import type { StatementCounter } from "../statement-counter";
import { databasePlace } from "./database-place";
import { itemsOf, type LockPlace } from "./lock-place";
import { memoryPlace } from "./memory-place";
import { redisPlace } from "./redis-place";

export interface LockPlaces {
  readonly places: readonly LockPlace[];
  /** Why some were left out. */
  readonly absent: readonly string[];
  close(): Promise<void>;
}

/** Opens the memory, Redis and these databases, as far as they are there. */
export async function openPlaces(
  databases: readonly ScratchDatabaseName[],
  counter: StatementCounter,
  signal: AbortSignal,
): Promise<LockPlaces> {
  const places: LockPlace[] = [];
  const absent: string[] = [];
  const close = async (): Promise<void> => {
    // Ctrl-C in a terminal may have ended some of the servers already.
    const closed = await Promise.allSettled(places.map((place) => place.close()));
    for (const each of closed) if (each.status === "rejected") throw each.reason;
  };
  const ways = [
    () => Promise.resolve(memoryPlace()),
    ...databases.map((name) => () => databasePlace(name, counter)),
    () => redisPlace(counter),
  ];
  try {
    for (const open of ways) {
      signal.throwIfAborted();
      try {
        const place = await open();
        places.push(place);
        await touch(place);
      } catch (error) {
        if (!(error instanceof ServerAbsentError)) throw error;
        absent.push(error.message);
      }
    }
  } catch (error) {
    await close();
    throw error;
  }
  return { places, absent, close };
}

// Redis gets to know the scripts.
async function touch({ registry }: LockPlace): Promise<void> {
  const resources = itemsOf([1]);
  await registry.run(resources, { operation: "bench" }, () => registry.holderOf(resources[0]!));
}
