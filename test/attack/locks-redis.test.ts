import { randomUUID } from "node:crypto";
import Redis from "ioredis";
import type { DataSource } from "typeorm";
import { autoLocks, createLockRegistry, redisLocks } from "typeorm-concurrency/locks";
import { clients } from "../locks/backends";
import { projects } from "../locks/project";
import { OwnRedis, redisServerAbsent } from "../support/redis";

const describeHere = redisServerAbsent === undefined ? describe : describe.skip;
const because = redisServerAbsent === undefined ? "" : ` (skipped: ${redisServerAbsent})`;

describeHere.each(Object.keys(clients))(`Redis through %s${because}`, (name) => {
  let server: OwnRedis;
  let connected: Awaited<ReturnType<(typeof clients)["ioredis"]>>;

  beforeEach(async () => {
    server = await OwnRedis.start();
    connected = await clients[name as keyof typeof clients](server.url);
    await redisLocks(connected.client).holdings([]);
  });
  afterEach(async () => {
    await connected.close();
    await server.remove();
  });

  it("is chosen when it has answered while the process was too busy to hear of it", async () => {
    const dataSource = { createQueryRunner: () => undefined, options: { type: "postgres" }, driver: {} };
    const chosen = autoLocks({
      redis: connected.client,
      dataSource: dataSource as unknown as DataSource,
    }).chosen();
    const busyUntil = performance.now() + 1200;
    while (performance.now() < busyUntil);
    expect(await chosen).toBe("redis");
  });

  it("does not grant afterwards what was given up since it did not answer", async () => {
    const locks = redisLocks(connected.client, { timeoutMs: 100 });
    const [leaseId, key] = [randomUUID(), randomUUID()];
    // The server knows how to release, and not yet how to claim.
    await locks.release(leaseId);
    server.pause();
    const claiming = locks.claim({
      leaseId,
      operation: "import",
      reason: undefined,
      keys: [key],
      ttlMs: 60_000,
      kind: "lease",
      queueMs: undefined,
      isQueued: false,
    });
    await expect(claiming).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
    await expect(locks.release(leaseId)).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
    server.resume();
    const patient = redisLocks(connected.client);
    await patient.purgeExpired();
    expect((await patient.holdings([key])).size).toBe(0);
  });
});

describeHere(`Redis that keeps its data now and then${because}`, () => {
  it("has lost a lease when it comes back without what was added to it last", async () => {
    const server = await OwnRedis.start("appendonly no");
    const client = new Redis(server.url);
    client.on("error", () => undefined);
    const registry = createLockRegistry({ backend: redisLocks(client) });
    const [extended, grown] = [
      await registry.acquire(projects(1), { operation: "import" }),
      await registry.acquire(projects(2), { operation: "merge" }),
    ];
    await client.save();
    await extended.add(projects(3));
    await grown.add(projects(4));
    await server.stop();
    await server.start();
    await expect(extended.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    await expect(grown.add(projects(5))).rejects.toMatchObject({ code: "LEASE_LOST" });
    await registry.acquire(projects(3, 4, 5), { operation: "report" });
    await client.quit();
    await server.remove();
  });
});
