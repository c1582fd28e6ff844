import { randomUUID } from "node:crypto";
import type { DataSource } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import {
  autoLocks,
  createLockRegistry,
  createLockTables,
  CreateLockTables,
  databaseLocks,
  isLocksUnavailableError,
} from "typeorm-concurrency/locks";
import { eachDatabase, QueryLog } from "../support/databases";
import { clients } from "./backends";
import { Project, projects, Task } from "./project";

const silent = { call: (): Promise<unknown> => new Promise(() => undefined) };

eachDatabase((scratch, database) => {
  const log = new QueryLog();
  let dataSource: DataSource;
  const open = (extra: object = {}): DataSource =>
    scratch().dataSource([Project, Task], { logging: true, logger: log, ...extra });

  beforeAll(async () => {
    dataSource = await open({
      synchronize: true,
      migrations: [CreateLockTables],
      timeout: 1000,
      busyTimeout: 1000,
    }).initialize();
  });

  it("makes no tables by itself, and says how they are made", async () => {
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const error: unknown = await locks
      .acquire(projects(1), { operation: "import" })
      .catch((reason: unknown) => reason);
    expect(isLocksUnavailableError(error)).toBe(true);
    expect((error as Error).message).toMatch(
      /tables are missing .*Run the migration CreateLockTables, or createLockTables/,
    );
    await expect(locks.lockedIds(Project, [1])).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
  });

  it("has its tables made and taken away by a migration", async () => {
    await dataSource.runMigrations();
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const lease = await locks.acquire(projects(1), { operation: "import" });
    await lease.release();
    await dataSource.undoLastMigration();
    await expect(locks.lockedIds(Project, [1])).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
  });

  it("has its tables made on request, by several at once, and keeps what is in them", async () => {
    const others = await Promise.all(
      [0, 1, 2].map(() => open({ timeout: 5000, busyTimeout: 5000 }).initialize()),
    );
    await Promise.all((database === "sqlite" ? [dataSource] : others).map(createLockTables));
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const lease = await locks.acquire(projects(1), { operation: "import" });
    await createLockTables(others[0]!);
    expect(await locks.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "import" });
    await lease.release();
    for (const other of others) await other.destroy();
  });

  it("is not touched by a schema synchronization of the application", async () => {
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const lease = await locks.acquire(projects(1), { operation: "import" });
    await dataSource.synchronize();
    expect(await locks.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "import" });
    await lease.release();
  });

  it("looks a page up by one statement, whatever is held", async () => {
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const lease = await locks.acquire(projects(...Array.from({ length: 500 }, (_, id) => id)), {
      operation: "import",
    });
    const ids = Array.from({ length: 100 }, (_, index) => index * 7);
    const statements = await log.during(() => locks.lockedIds(Project, ids));
    expect(statements).toHaveLength(1);
    await lease.release();
  });

  const onPostgres = database === "postgres" ? it : it.skip;
  const bounded = "lets nobody wait for ever for a claim that stands still";
  onPostgres(
    database === "postgres" ? bounded : `${bounded} (skipped: the database has a bound by itself)`,
    async () => {
      const claims = createLockRegistry({ backend: databaseLocks(dataSource) });
      const stuck = dataSource.createQueryRunner();
      await stuck.startTransaction();
      await stuck.query("UPDATE concurrency_lock_gate SET last_token = last_token");
      const waiting = claims.acquire(projects(1), { operation: "import" });
      await expect(waiting).rejects.toMatchObject({
        code: "LOCKS_UNAVAILABLE",
        message: expect.stringContaining("lock timeout"),
      });
      await stuck.rollbackTransaction();
      await stuck.release();
      const statements = await log.during(async () => {
        await (await claims.acquire(projects(1), { operation: "import" })).release();
      });
      expect(statements.filter((sql) => sql.includes("idle_in_transaction_session_timeout"))).toHaveLength(2);
    },
  );

  const renewed = "leaves a lease alone that is renewed in the moment in which it expires";
  onPostgres(
    database === "postgres" ? renewed : `${renewed} (skipped: shown where one can see who waits)`,
    async () => {
      const backend = databaseLocks(dataSource);
      const claim = (operation: string, ttlMs: number) =>
        backend.claim({
          leaseId: randomUUID(),
          operation,
          reason: undefined,
          keys: ["renewed"],
          ttlMs,
          kind: "lease",
          queueMs: undefined,
          isQueued: false,
        });
      await claim("import", 50);
      const renewing = dataSource.createQueryRunner();
      await renewing.startTransaction();
      await renewing.query("UPDATE concurrency_lock_lease SET expires_at = expires_at + 60000");
      while ((await backend.holdings(["renewed"])).size > 0);
      const claimed = claim("report", 60_000);
      for (let waiting = 0; waiting === 0;) {
        const [row] = await dataSource.query(
          "SELECT count(*)::int AS waiting FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()",
        );
        waiting = row.waiting;
      }
      await renewing.commitTransaction();
      await renewing.release();
      expect((await claimed).kind).toBe("blocked");
      expect((await backend.holdings(["renewed"])).get("renewed")?.lease.operation).toBe("import");
      await backend.releaseOperation("import");
    },
  );

  const killed = "keeps what is held when its connections are killed, and goes on with others";
  const onServers = database === "sqlite" ? it.skip : it;
  onServers(database === "sqlite" ? `${killed} (skipped: there is no server)` : killed, async () => {
    const own = await open({ poolSize: 2 }).initialize();
    const locks = createLockRegistry({ backend: databaseLocks(own) });
    const lease = await locks.acquire(projects(1), { operation: "import" });
    if (database === "postgres") {
      await dataSource.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
    } else {
      const others: { id: number }[] = await dataSource.query(
        "SELECT id FROM information_schema.processlist WHERE db = DATABASE() AND id <> CONNECTION_ID()",
      );
      for (const { id } of others) await dataSource.query(`KILL ${id}`);
    }
    // The pool may give out a dead connection before it notices.
    let failures = 0;
    const untilAnswered = async <T>(ask: () => Promise<T>): Promise<T> => {
      for (;;) {
        const answer = await ask().catch((error: unknown) => {
          if (!isLocksUnavailableError(error) || ++failures > 10) throw error;
          return undefined;
        });
        if (answer !== undefined) return answer;
      }
    };
    await untilAnswered(() => lease.extend().then(() => true));
    const refused = untilAnswered(() => locks.acquire(projects(1), { operation: "report" }));
    await expect(refused).rejects.toMatchObject({ code: "ENTITY_LOCKED" });
    expect(lease.signal.aborted).toBe(false);
    await untilAnswered(() => lease.release().then(() => true));
    await own.destroy();
  });

  it("leaves nothing behind when leases have ended", async () => {
    const locks = createLockRegistry({ backend: databaseLocks(dataSource) });
    const held = await locks.acquire(projects(1), { operation: "import" });
    await locks.acquire(projects(1), { operation: "report", waitMs: 30 }).catch(() => undefined);
    await locks.acquire(projects(1), { operation: "report" }).catch(() => undefined);
    await held.release();
    for (const table of ["lease", "entity"]) {
      expect(await dataSource.query(`SELECT * FROM concurrency_lock_${table}`)).toEqual([]);
    }
  });

  describe("inside a unit of work", () => {
    let guarded: DataSource;
    beforeAll(async () => {
      guarded = await guardDataSource(open({ timeout: 1000, busyTimeout: 1000 })).initialize();
    });

    it(
      database === "sqlite"
        ? "refuses to lock, since the one connection is in its transaction"
        : "locks at once for everybody, and goes on to when the unit is rolled back",
      async () => {
        const locks = createLockRegistry({ backend: databaseLocks(guarded) });
        const unit = runUnitOfWork(guarded, async () => {
          await locks.acquire(projects(1), { operation: "import" });
          throw new Error("undone");
        });
        if (database === "sqlite") {
          await expect(unit).rejects.toMatchObject({ code: "OUTER_TRANSACTION" });
          await expect(
            guarded.transaction(() => locks.acquire(projects(1), { operation: "import" })),
          ).rejects.toMatchObject({ code: "OUTER_TRANSACTION" });
        } else {
          await expect(unit).rejects.toThrow("undone");
          expect(await locks.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "import" });
        }
        await locks.releaseOperation("import");
      },
    );
  });

  describe("autoLocks", () => {
    it("keeps locks in the database where there is no Redis", async () => {
      const backend = autoLocks({ dataSource });
      expect(backend.name).toBe("undecided");
      expect(await backend.chosen()).toBe("database");
      expect(backend.name).toBe("database");
      const lease = await createLockRegistry({ backend }).acquire(projects(1), { operation: "import" });
      const elsewhere = createLockRegistry({ backend: databaseLocks(dataSource) });
      expect(await elsewhere.holderOf({ target: Project, id: 1 })).toMatchObject({ operation: "import" });
      await lease.release();
    });

    it("keeps locks in the database where Redis does not answer, and warns", async () => {
      const warn = jest.spyOn(process, "emitWarning").mockImplementation(() => undefined);
      const backend = autoLocks({ redis: silent, dataSource });
      expect(await backend.chosen()).toBe("database");
      await backend.purgeExpired();
      expect(warn.mock.calls).toEqual([
        [
          expect.stringContaining("Locks are kept in the database, since Redis does not answer"),
          { type: "TypeormConcurrencyWarning" },
        ],
      ]);
      warn.mockRestore();
    });

    const absent = process.env["REDIS_ABSENT"];
    const withRedis = absent === undefined ? it : it.skip;
    const because = absent === undefined ? "" : ` (skipped: ${absent})`;
    withRedis(
      `keeps locks in Redis where it answers, and never looks elsewhere afterwards${because}`,
      async () => {
        const { client, close } = await clients["redis 5"]();
        const backend = autoLocks({ redis: client, dataSource, prefix: `auto-${database}-${process.pid}` });
        const locks = createLockRegistry({ backend });
        const lease = await locks.acquire(projects(1), { operation: "import" });
        expect(backend.name).toBe("redis");
        const inDatabase = createLockRegistry({ backend: databaseLocks(dataSource) });
        expect(await inDatabase.holderOf({ target: Project, id: 1 })).toBeUndefined();
        await lease.release();
        await close();
        await expect(locks.acquire(projects(1), { operation: "import" })).rejects.toMatchObject({
          code: "LOCKS_UNAVAILABLE",
          backend: "redis",
        });
        await expect(locks.lockedIds(Project, [1])).rejects.toMatchObject({ code: "LOCKS_UNAVAILABLE" });
      },
    );
  });
});
