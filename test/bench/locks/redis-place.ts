import { randomUUID } from "node:crypto";
import Redis, { type Command } from "ioredis";
import { createLockRegistry, redisLocks } from "typeorm-concurrency/locks";
import { answersPing, redisUrl } from "../../support/redis";
import { ServerAbsentError } from "../../support/scratch-database";
import { redisSetting } from "../setting";
import type { StatementCounter } from "../statement-counter";
import type { LockPlace, NaiveLocks } from "./lock-place";

const naiveTtlMs = 600_000;

/** @throws ServerAbsentError */
export async function redisPlace(counter: StatementCounter): Promise<LockPlace> {
  const client = await connectRedis(counter);
  const prefix = `bench-${randomUUID()}`;
  return {
    name: "Redis",
    setting: await redisSetting(client),
    registry: createLockRegistry({ backend: redisLocks(client, { prefix }) }),
    naive: naiveIn(client, prefix),
    async close() {
      for await (const keys of client.scanStream({ match: `*${prefix}*`, count: 1000 })) {
        if ((keys as string[]).length > 0) await client.unlink(...(keys as string[]));
      }
      await client.quit();
    },
  };
}

/** @throws ServerAbsentError */
export async function connectRedis(counter: StatementCounter): Promise<Redis> {
  if (!(await answersPing(redisUrl()))) {
    throw new ServerAbsentError(`No Redis server answers at ${new URL(redisUrl()).host}: see REDIS_URL.`);
  }
  const client = new CountedRedis(redisUrl(), counter);
  await client.connect();
  return client;
}

class CountedRedis extends Redis {
  constructor(
    url: string,
    private readonly counter: StatementCounter,
  ) {
    super(url, { lazyConnect: true });
  }

  // Those of a pipeline pass here too.
  override sendCommand(command: Command, ...stream: never[]): unknown {
    this.counter.logQuery();
    return super.sendCommand(command, ...stream);
  }
}

function naiveIn(client: Redis, prefix: string): NaiveLocks {
  const keyOf = (key: string): string => `${prefix}:naive:${key}`;
  return {
    name: "SET NX PX, DEL",
    async hold(holder, keys) {
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.set(keyOf(key), holder, "PX", naiveTtlMs, "NX");
      const answers = await pipeline.exec();
      if (answers?.every(([, answer]) => answer === "OK") !== true)
        throw new Error("A key was held already.");
    },
    async free(_, keys) {
      const pipeline = client.pipeline();
      for (const key of keys) pipeline.del(keyOf(key));
      await pipeline.exec();
    },
    async held(keys) {
      return (await client.mget(keys.map(keyOf))).filter((holder) => holder !== null).length;
    },
  };
}
