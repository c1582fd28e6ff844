import Redis, { Cluster } from "ioredis";
import { createCluster, createSentinel } from "redis";
import type { DataSource } from "typeorm";
import { guardDataSource, type LockRegistry } from "typeorm-concurrency";
import {
  createLockRegistry,
  isLocksUnavailableError,
  redisLocks,
  type RedisClient,
} from "typeorm-concurrency/locks";
import { eachDatabase } from "../support/databases";
import { OwnRedis, redisServerAbsent } from "../support/redis";
import { whenAborted } from "../support/when-aborted";
import { clients } from "./backends";
import { Label, Project, projects, Task } from "./project";

const declare = redisServerAbsent === undefined ? describe : describe.skip;
const because = redisServerAbsent === undefined ? "" : ` (skipped: ${redisServerAbsent})`;

declare(`a Redis server of the test's own${because}`, () => {
  let server: OwnRedis;
  const connections: Redis[] = [];

  beforeAll(async () => {
    server = await OwnRedis.start();
  });
  afterAll(async () => {
    for (const client of connections) client.disconnect();
    await server.remove();
  });

  const connect = (): Redis => {
    const client = new Redis(server.url, { retryStrategy: () => 20, maxRetriesPerRequest: null });
    client.on("error", () => undefined);
    connections.push(client);
    return client;
  };
  const registry = (ttlMs: number, timeoutMs = 5000): LockRegistry =>
    createLockRegistry({ backend: redisLocks(connect(), { timeoutMs }), ttlMs });

  it("keeps locks and goes on with its tokens when it is restarted with its data", async () => {
    const locks = registry(60_000);
    const lease = await locks.acquire(projects(1), { operation: "import" });
    await server.stop();
    await server.start();
    expect(await registry(60_000).holderOf({ target: Project, id: 1 })).toMatchObject({
      operation: "import",
      fencingToken: lease.fencingToken,
    });
    await lease.extend();
    const next = await locks.acquire(projects(2), { operation: "import" });
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    await next.release();
    await lease.release();
  });

  it("ends leases that it has lost, and goes on with its tokens without its data", async () => {
    const locks = registry(5000);
    const lease = await locks.acquire(projects(1), { operation: "import" });
    await connect().flushall();
    await expect(lease.extend()).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(lease.signal.aborted).toBe(true);
    const next = await locks.acquire(projects(1), { operation: "report" });
    expect(next.fencingToken).toBeGreaterThan(lease.fencingToken);
    await lease.release();
    expect(await locks.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "report" });
    await next.release();
  });

  it("is an error for whoever needs an answer that it does not give", async () => {
    const locks = registry(60_000, 100);
    await locks.lockedIds(Project, [1]);
    server.pause();
    try {
      for (const question of [
        locks.acquire(projects(5), { operation: "import" }),
        locks.acquire(projects(5), { operation: "import", waitMs: Infinity }),
        locks.lockedIds(Project, [1]),
        locks.releaseOperation("import"),
      ]) {
        const error: unknown = await question.catch((reason: unknown) => reason);
        expect(isLocksUnavailableError(error)).toBe(true);
        expect((error as Error).message).toContain("no answer within 100 ms");
      }
    } finally {
      server.resume();
    }
    // What it did not answer it has done all the same, and been told to undo.
    const lease = await registry(60_000).acquire(projects(5), { operation: "report", waitMs: 10_000 });
    await lease.release();
  });

  eachDatabase((scratch) => {
    let dataSource: DataSource;
    let locks: LockRegistry;

    beforeAll(async () => {
      locks = registry(400, 100);
      dataSource = scratch().dataSource([Project, Task, Label], { synchronize: true });
      await guardDataSource(dataSource, { locks }).initialize();
      await dataSource.manager.insert(Project, { id: 1, title: "one" });
    });

    it("makes the holder give up when it is paused past the lease, and refuses its writes", async () => {
      const project = await dataSource.manager.findOneByOrFail(Project, { id: 1 });
      const others = registry(60_000);
      const work = locks.run([project], { operation: "import" }, async (lease) => {
        server.pause();
        try {
          await whenAborted(lease.signal);
          project.title = "while it is paused";
          await expect(dataSource.manager.save(project)).rejects.toMatchObject({ code: "LEASE_LOST" });
        } finally {
          server.resume();
        }
        const theirs = await others.acquire([project], { operation: "report", waitMs: 10_000 });
        project.title = "when others have it";
        await expect(dataSource.manager.save(project)).rejects.toMatchObject({ code: "LEASE_LOST" });
        await lease.release();
        expect(await others.holderOf(project)).toMatchObject({ operation: "report" });
        await expect(dataSource.manager.save(project)).rejects.toMatchObject({ code: "ENTITY_LOCKED" });
        await theirs.release();
        return "done";
      });
      await expect(work).rejects.toMatchObject({ code: "LEASE_LOST", operation: "import" });
      expect(await dataSource.manager.findOneByOrFail(Project, { id: 1 })).toMatchObject({ title: "one" });
    });

    it("refuses writes while it does not answer", async () => {
      const project = await dataSource.manager.findOneByOrFail(Project, { id: 1 });
      project.title = "unasked";
      server.pause();
      try {
        await expect(dataSource.manager.save(project)).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
      } finally {
        server.resume();
      }
      expect(await dataSource.manager.findOneByOrFail(Project, { id: 1 })).toMatchObject({ title: "one" });
    });
  });
});

declare(`Redis${because}`, () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await OwnRedis.start();
  });
  afterAll(() => server.remove());

  it.each(Object.entries(clients))("keeps locks for clients of %s", async (_, connect) => {
    const { client, close } = await connect(server.url);
    await expectLocks(client);
    await close();
  });
});

declare(`a Redis Cluster${because}`, () => {
  let server: OwnRedis;
  beforeAll(async () => {
    server = await OwnRedis.start("cluster-enabled yes", "cluster-announce-ip 127.0.0.1");
    const client = new Redis(server.url);
    await client.call("CLUSTER", "ADDSLOTSRANGE", "0", "16383");
    while (!String(await client.call("CLUSTER", "INFO")).includes("cluster_state:ok"));
    await client.quit();
  });
  afterAll(() => server.remove());

  it.each(["ioredis", "redis"])("keeps locks for Cluster clients of %s", async (library) => {
    const node = { host: "127.0.0.1", port: server.port };
    const cluster =
      library === "ioredis"
        ? new Cluster([node])
        : await createCluster({ rootNodes: [{ url: server.url }] }).connect();
    await expectLocks(cluster as RedisClient);
    await (cluster instanceof Cluster ? cluster.quit() : cluster.close());
  });
});

declare(`Redis under Sentinel${because}`, () => {
  let master: OwnRedis;
  let sentinel: OwnRedis;
  beforeAll(async () => {
    master = await OwnRedis.start();
    sentinel = await OwnRedis.startSentinel(master);
  });
  afterAll(async () => {
    await sentinel.remove();
    await master.remove();
  });

  it.each(["ioredis", "redis"])("keeps locks for Sentinel clients of %s", async (library) => {
    const node = { host: "127.0.0.1", port: sentinel.port };
    const client =
      library === "ioredis"
        ? new Redis({ sentinels: [node], name: "main" })
        : await createSentinel({ name: "main", sentinelRootNodes: [node] }).connect();
    await expectLocks(client as RedisClient);
    await (client instanceof Redis ? client.quit() : client.close());
  });
});

async function expectLocks(client: RedisClient): Promise<void> {
  const locks = createLockRegistry({ backend: redisLocks(client), ttlMs: 60_000 });
  const lease = await locks.acquire(projects(1, 2, 3), { operation: "import" });
  await expect(locks.acquire(projects(3, 4), { operation: "report" })).rejects.toMatchObject({
    code: "ENTITY_LOCKED",
  });
  await lease.add(projects(4));
  await lease.extend();
  expect([...(await locks.lockedIds(Project, [3, 4, 5])).keys()]).toEqual([3, 4]);
  await lease.release();
  await expect(locks.holderOf({ target: Project, id: 1 })).resolves.toBeUndefined();
}
