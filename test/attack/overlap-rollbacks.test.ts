import type { DataSource, EntityManager } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

type Use = (manager: EntityManager) => Promise<unknown>;

/** Tells when a statement that begins so is sent, and calls back meanwhile. */
class Wire {
  #waiting: { start: string; latch: Latch } | undefined;

  whenSent(start: string): Promise<void> {
    const latch = new Latch();
    this.#waiting = { start, latch };
    return latch.opened;
  }
  readonly seen: string[] = [];
  logQuery(query: string): void {
    this.seen.push(query);
    if (this.#waiting !== undefined && query.startsWith(this.#waiting.start)) {
      this.#waiting.latch.open();
      this.#waiting = undefined;
    }
  }
  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let looker: DataSource;
  const wire = new Wire();

  beforeAll(async () => {
    looker = await scratch().dataSource([Account], { synchronize: true }).initialize();
  });

  beforeEach(async () => {
    await looker.manager.clear(Account);
    await looker.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    wire.seen.length = 0;
    const extra = database === "postgres" ? { connectionTimeoutMillis: 700 } : {};
    dataSource = scratch().dataSource([Account], { poolSize: 1, extra, logger: wire, logging: ["query"] });
    await guardDataSource(dataSource, { overlap: "throw" }).initialize();
  });

  // What a test has left open must not hold up the next.
  afterEach(async () => {
    dataSource.subscribers.splice(1, dataSource.subscribers.length - 2);
    if (database === "postgres") {
      await looker.query(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()",
      );
    }
    if (database === "mariadb") {
      const others: { id: string }[] = await looker.query(
        "SELECT id FROM information_schema.processlist WHERE db = database() AND id <> connection_id()",
      );
      for (const { id } of others) await looker.query(`KILL ${id}`).catch(() => undefined);
    }
  });

  const onServers = (name: string, body: () => Promise<void>): void => {
    if (database === "sqlite") it.skip(`${name} (skipped: there is one connection)`, body);
    else it(name, body);
  };

  const ids = async (): Promise<number[]> =>
    (await looker.manager.find(Account, { order: { id: "ASC" } })).map(({ id }) => id);

  // A later insert by the same, only connection must be there for others.
  const isUsable = async (): Promise<void> => {
    await dataSource.manager.insert(Account, { id: 99 });
    expect(await ids()).toEqual([1, 2, 99]);
    const queryRunner = dataSource.createQueryRunner();
    expect(queryRunner).toMatchObject({ isTransactionActive: false, transactionDepth: 0 });
    await queryRunner.release();
  };

  const ways: Record<string, (work: Use) => Promise<unknown>> = {
    "transaction()": (work) => dataSource.transaction(work),
    "unit of work": (work) => runUnitOfWork(dataSource, work),
    "transaction begun by hand": async (work) => {
      const queryRunner = dataSource.createQueryRunner();
      try {
        await queryRunner.startTransaction();
        await work(queryRunner.manager);
        await queryRunner.commitTransaction();
      } catch (error) {
        await queryRunner.rollbackTransaction();
        throw error;
      } finally {
        await queryRunner.release();
      }
    },
  };

  describe.each(Object.entries(ways))("in a %s", (_, run) => {
    it.each(["SAVEPOINT", "RELEASE SAVEPOINT"])(
      "rolls back while the %s of a nested one is on its way",
      async (statement) => {
        let nested!: Promise<unknown>;
        const outer = run(async (manager) => {
          const sent = wire.whenSent(statement);
          nested = manager
            .transaction(async (inner) => inner.insert(Account, { id: 11 }))
            .catch((error: unknown) => error);
          await sent;
          throw new Error("enough");
        });
        await expect(outer).rejects.toThrow("enough");
        await nested;
        await isUsable();
      },
    );

    it("rolls back while the ROLLBACK TO SAVEPOINT of a nested one is on its way", async () => {
      let nested!: Promise<unknown>;
      const outer = run(async (manager) => {
        const sent = wire.whenSent("ROLLBACK TO");
        nested = manager
          .transaction(async (inner) => {
            await inner.insert(Account, { id: 11 });
            throw new Error("inner");
          })
          .catch((error: unknown) => error);
        await sent;
        throw new Error("enough");
      });
      await expect(outer).rejects.toThrow("enough");
      await nested;
      await isUsable();
    });

    it("rolls back while a save is at work after a subscriber of it had a nested transaction", async () => {
      let save!: Promise<unknown>;
      const nestedDone = new Latch();
      const subscriber = {
        beforeInsert: async ({ manager }: { manager: EntityManager }) => {
          await manager.transaction((inner) => inner.count(Account));
          nestedDone.open();
        },
      };
      dataSource.subscribers.push(subscriber);
      const outer = run(async (manager) => {
        save = manager.save(Account, { id: 21 }).catch((error: unknown) => error);
        await nestedDone.opened;
        await wire.whenSent("INSERT");
        throw new Error("enough");
      });
      await expect(outer).rejects.toThrow("enough");
      await save;
      dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1);
      await isUsable();
    });

    it("rolls back while a deep nest is at work", async () => {
      let nested!: Promise<unknown>;
      const outer = run(async (manager) => {
        const sent = wire.whenSent("RELEASE SAVEPOINT typeorm_3");
        nested = manager
          .transaction((one) =>
            one.transaction((two) => two.transaction((three) => three.insert(Account, { id: 31 }))),
          )
          .catch((error: unknown) => error);
        await sent;
        throw new Error("enough");
      });
      await expect(outer).rejects.toThrow("enough");
      await nested;
      await isUsable();
    });

    it("fails with the callback's own error when it throws at once beside something", async () => {
      let save!: Promise<unknown>;
      const outer = run((manager) => {
        save = manager.save(Account, { id: 41 }).catch((error: unknown) => error);
        throw new Error("at once");
      });
      await expect(outer).rejects.toThrow("at once");
      await save;
      await isUsable();
    });
  });

  for (const end of ["rollbackTransaction", "commitTransaction"] as const) {
    onServers(
      `ends the whole transaction begun by hand, or refuses to, by ${end} while a nested one waits`,
      async () => {
        const queryRunner = dataSource.createQueryRunner();
        await queryRunner.startTransaction();
        const [inside, go] = [new Latch(), new Latch()];
        const nested = queryRunner.manager
          .transaction(async () => {
            inside.open();
            await go.opened;
          })
          .catch((error: unknown) => error);
        await inside.opened;
        const refusal = await queryRunner[end]().catch((error: unknown) => error);
        const isActive = queryRunner.isTransactionActive;
        go.open();
        await nested;
        while (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction();
        await queryRunner.release();
        if (end === "rollbackTransaction") expect(isActive).toBe(false);
        else expect(refusal).toMatchObject({ code: "OVERLAPPING_USE" });
      },
    );
  }

  onServers(
    "refuses the release of the only connection's transaction while something is at work in it, or ends cleanly",
    async () => {
      const queryRunner = dataSource.createQueryRunner();
      await queryRunner.startTransaction();
      const save = queryRunner.manager.save(Account, { id: 51 }).catch((error: unknown) => error);
      await queryRunner.rollbackTransaction();
      await queryRunner.release();
      await save;
      await isUsable();
    },
  );

  onServers("does not wait in a rollback for what waits for the connection of the rollback", async () => {
    let save!: Promise<unknown>;
    const asked = new Latch();
    const subscriber = {
      beforeInsert: async () => {
        const count = dataSource.manager.count(Account);
        asked.open();
        await count;
      },
    };
    dataSource.subscribers.push(subscriber);
    const outer = dataSource.transaction(async (manager) => {
      save = manager.save(Account, { id: 61 }).catch((error: unknown) => error);
      await asked.opened;
      throw new Error("enough");
    });
    await expect(outer).rejects.toThrow("enough");
    await save;
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1);
    await isUsable();
  });
});
