import { randomUUID } from "node:crypto";
import Redis from "ioredis";
import { createClient } from "redis";
import { createClient as createClient4 } from "redis-4";
import { createClient as createClient6 } from "redis-6";
import type { DataSource } from "typeorm";
import {
  createLockTables,
  databaseLocks,
  memoryLocks,
  redisLocks,
  type LockBackend,
} from "typeorm-concurrency/locks";
import { eachDatabase, type Scratch } from "../support/databases";
import { Label, Project, Task } from "./project";

/** Two backends on the same locks, each with connections of its own, as two processes would have them. */
export interface BackendPair {
  readonly one: LockBackend;
  readonly other: LockBackend;
  close(): Promise<void>;
}

/** Declares the same tests once for each backend. */
export function eachBackend(body: (open: () => Promise<BackendPair>) => void): void {
  describe("in memory", () => {
    body(() => {
      const locks = memoryLocks();
      return Promise.resolve({ one: locks, other: locks, close: () => Promise.resolve() });
    });
  });
  eachDatabase((scratch) => {
    let dataSources: DataSource[];
    beforeAll(async () => {
      dataSources = await openTwo(scratch());
      await createLockTables(dataSources[0]!);
    });
    body(async () => {
      const [one, other] = dataSources.map((dataSource) => databaseLocks(dataSource));
      return { one: one!, other: other!, close: () => Promise.resolve() };
    });
  });
  const absent = process.env["REDIS_ABSENT"];
  const declare = absent === undefined ? describe : describe.skip;
  declare(absent === undefined ? "in Redis" : `in Redis (skipped: ${absent})`, () => {
    body(async () => {
      const prefix = `test-${randomUUID()}`;
      const [one, other] = [await clients.ioredis(), await clients["redis 5"]()];
      return {
        one: redisLocks(one.client, { prefix }),
        other: redisLocks(other.client, { prefix }),
        close: async () => {
          await one.close();
          await other.close();
        },
      };
    });
  });
}

async function openTwo(scratch: Scratch): Promise<DataSource[]> {
  const open = (synchronize: boolean): Promise<DataSource> =>
    scratch.dataSource([Project, Task, Label], { synchronize, timeout: 1, busyTimeout: 1 }).initialize();
  return [await open(true), await open(false)];
}

interface Connected {
  readonly client: Parameters<typeof redisLocks>[0];
  close(): Promise<unknown>;
}

type ClientName = "ioredis" | "redis 4" | "redis 5" | "redis 6";

/** Each client library, connected to the Redis of the tests. */
export const clients: Readonly<Record<ClientName, (url?: string) => Promise<Connected>>> = {
  ioredis: (url = process.env["REDIS_URL"]!): Promise<Connected> => {
    const client = new Redis(url);
    return Promise.resolve({ client, close: () => client.quit() });
  },
  "redis 4": async (url = process.env["REDIS_URL"]!): Promise<Connected> => {
    const client = createClient4({ url });
    await client.connect();
    return { client, close: () => client.quit() };
  },
  "redis 5": async (url = process.env["REDIS_URL"]!): Promise<Connected> => {
    const client = createClient({ url });
    await client.connect();
    return { client, close: () => client.close() };
  },
  "redis 6": async (url = process.env["REDIS_URL"]!): Promise<Connected> => {
    const client = createClient6({ url });
    await client.connect();
    return { client, close: () => client.close() };
  },
};
