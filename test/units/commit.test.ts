import type { DataSource, EntityManager } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { CuttingProxy, type Cut } from "../support/cutting-proxy";
import { eachDatabase, typeormLine } from "../support/databases";

eachDatabase(
  (scratch, database) => {
    let direct: DataSource;
    let proxied: DataSource;
    let proxy: CuttingProxy;

    beforeAll(async () => {
      direct = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
      const url = new URL((direct.options as { url: string }).url);
      proxy = await CuttingProxy.before(
        url.hostname,
        Number(url.port || (database === "postgres" ? 5432 : 3306)),
      );
      url.hostname = "127.0.0.1";
      url.port = String(proxy.port);
      proxied = await guardDataSource(scratch().dataSource([Account], { url: url.toString() })).initialize();
    });
    beforeEach(async () => {
      proxy.cut = undefined;
      await direct.manager.clear(Account);
      await direct.manager.insert(Account, { id: 1 });
    });
    afterAll(() => proxy.close());

    let runs: number;
    beforeEach(() => (runs = 0));
    const deposit = async (manager: EntityManager): Promise<string> => {
      runs++;
      const account = await manager.findOneByOrFail(Account, { id: 1 });
      await manager.save(Object.assign(account, { balance: account.balance + 1 }));
      return "deposited";
    };
    const balance = async (): Promise<number> =>
      (await direct.manager.findOneByOrFail(Account, { id: 1 })).balance;
    const cutAt =
      (cut: Cut) =>
      async (manager: EntityManager): Promise<string> => {
        const result = await deposit(manager);
        if (runs === 1) proxy.cut = cut;
        return result;
      };

    it.each<[Cut, number]>([
      ["before", 0],
      ["after", 1],
    ])(
      "says that the outcome is unknown when the connection is lost %s COMMIT is executed",
      async (cut, left) => {
        const unit = runUnitOfWork(proxied, cutAt(cut));
        await expect(unit).rejects.toMatchObject({
          code: "COMMIT_OUTCOME_UNKNOWN",
          message: expect.stringContaining("unknown whether the unit of work was committed") as unknown,
          cause: expect.objectContaining({ query: "COMMIT" }) as unknown,
        });
        expect(runs).toBe(1);
        expect(await balance()).toBe(left);
        // The pool has not kept the dead connection.
        await runUnitOfWork(proxied, deposit);
        expect(await balance()).toBe(left + 1);
      },
    );

    it.each<[Cut, number]>([
      ["before", 2],
      ["after", 1],
    ])("asks verifyCommitted when it is lost %s that, and believes it", async (cut, expectedRuns) => {
      let asked = 0;
      const result = await runUnitOfWork(proxied, cutAt(cut), {
        verifyCommitted: async () => {
          asked++;
          // Not the unit's, and no replica.
          expect(proxied.manager.queryRunner).toMatchObject({ isTransactionActive: false, mode: "master" });
          await proxied.manager.query("SELECT 1");
          return (await balance()) === 1;
        },
      });
      expect(result).toBe("deposited");
      expect([asked, runs, await balance()]).toEqual([1, expectedRuns, 1]);
    });

    it("says so when verifyCommitted fails, or does not answer", async () => {
      const verificationError = new Error("no database in sight");
      await expect(
        runUnitOfWork(proxied, cutAt("after"), { verifyCommitted: () => Promise.reject(verificationError) }),
      ).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN", verificationError });
      runs = 0;
      await expect(
        runUnitOfWork(proxied, cutAt("after"), {
          verifyCommitted: (() => Promise.resolve(undefined)) as never,
        }),
      ).rejects.toMatchObject({ code: "COMMIT_OUTCOME_UNKNOWN" });
      expect(await balance()).toBe(2);
    });

    it("does not ask verifyCommitted of anything else", async () => {
      const verifyCommitted = jest.fn();
      await runUnitOfWork(proxied, deposit, { verifyCommitted });
      await expect(
        runUnitOfWork(proxied, () => Promise.reject(new Error("no")), { verifyCommitted }),
      ).rejects.toThrow("no");
      expect(verifyCommitted).not.toHaveBeenCalled();
    });

    const killSelf =
      database === "postgres" ? "SELECT pg_terminate_backend(pg_backend_pid())" : "KILL CONNECTION_ID()";

    it("runs again when its connection is killed before COMMIT, also when the work hides it", async () => {
      for (const isHidden of [false, true]) {
        runs = 0;
        const before = await balance();
        await runUnitOfWork(proxied, async (manager) => {
          await deposit(manager);
          if (runs > 1) return;
          await manager.query(killSelf).catch((error: unknown) => {
            if (!isHidden) throw error;
          });
        });
        expect([runs, await balance()]).toEqual([2, before + 1]);
      }
    });

    it("does not get the killed connection again, which the pool takes for alive", async () => {
      const one = await guardDataSource(scratch().dataSource([Account], { poolSize: 1 })).initialize();
      for (let round = 0; round < 5; round++) {
        const attempts = await runUnitOfWork(one, async (manager, { number }) => {
          if (number === 1) await manager.query(killSelf);
          await manager.query("SELECT 1");
          return number;
        });
        expect(attempts).toBe(2);
      }
      await one.destroy();
    });

    // The driver of 0.3 does not hear of it before it writes.
    it("runs again when its idle connection was killed by somebody else", async () => {
      const myId = database === "postgres" ? "SELECT pg_backend_pid() AS id" : "SELECT CONNECTION_ID() AS id";
      await runUnitOfWork(proxied, async (manager) => {
        runs++;
        const [{ id }] = (await manager.query(myId)) as [{ id: number }];
        if (runs === 1) {
          await direct.query(database === "postgres" ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`);
        }
        await manager.increment(Account, { id: 1 }, "balance", 1);
      });
      expect([runs, await balance(), typeof typeormLine]).toEqual([2, 1, "string"]);
    });

    it("does not lose a unit whose work hides that its transaction is lost", async () => {
      const other = direct.createQueryRunner();
      await direct.manager.insert(Account, { id: 2 });
      const unit = runUnitOfWork(direct, async (manager, { number }) => {
        await manager.increment(Account, { id: 1 }, "balance", 1);
        if (number === 1) {
          // A deadlock of which this one is the victim, or the other: then both are fine.
          await other.startTransaction();
          await other.query("UPDATE account SET balance = balance + 100 WHERE id = 2");
          const theirs = other.query("UPDATE account SET balance = balance + 100 WHERE id = 1");
          await manager
            .query("UPDATE account SET balance = balance + 10 WHERE id = 2")
            .catch(() => undefined);
          await theirs.then(
            () => other.commitTransaction(),
            () => other.rollbackTransaction(),
          );
        } else await manager.query("UPDATE account SET balance = balance + 10 WHERE id = 2");
        await manager.insert(Account, { id: 2 + number });
      });
      await unit;
      await other.release();
      const rows = await direct.manager.find(Account, { order: { id: "ASC" } });
      const mine = rows.slice(0, 2).map((row) => row.balance % 100);
      expect(mine).toEqual([1, 10]);
      expect(rows).toHaveLength(3);
    });
  },
  ["postgres", "mariadb"],
);

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  beforeAll(async () => {
    dataSource = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
  });
  beforeEach(async () => {
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(Account, { id: 1 });
  });
  const count = async (): Promise<number> => dataSource.manager.count(Account);

  it("goes on after a failure that the work handles, where the database does", async () => {
    const insertTwice = runUnitOfWork(dataSource, async (manager) => {
      await manager.insert(Account, { id: 2 });
      await manager.insert(Account, { id: 2 }).catch(() => undefined);
    });
    if (database === "postgres") {
      await expect(insertTwice).rejects.toThrow(/duplicate key/);
      expect(await count()).toBe(1);
    } else {
      await insertTwice;
      expect(await count()).toBe(2);
    }
  });

  it("goes on everywhere when the failure was in a nested transaction", async () => {
    await runUnitOfWork(dataSource, async (manager) => {
      await manager.insert(Account, { id: 2 });
      await manager.transaction((nested) => nested.insert(Account, { id: 2 })).catch(() => undefined);
    });
    expect(await count()).toBe(2);
  });

  it("resolves when a subscriber fails after the commit, and warns", async () => {
    const emitWarning = jest.spyOn(process, "emitWarning").mockImplementation();
    const subscriber = {
      afterTransactionCommit: () => Promise.reject(new Error("the subscriber has failed")),
    };
    dataSource.subscribers.push(subscriber as never);
    let runs = 0;
    await runUnitOfWork(dataSource, async (manager) => {
      runs++;
      await manager.insert(Account, { id: 2 });
    });
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber as never), 1);
    expect(runs).toBe(1);
    expect(await count()).toBe(2);
    expect(emitWarning).toHaveBeenCalledWith(
      expect.stringContaining("the subscriber has failed"),
      expect.anything(),
    );
    emitWarning.mockRestore();
  });

  it("commits when a subscriber has refused a nested transaction, and the work has handled that", async () => {
    let starts = 0;
    const subscriber = {
      beforeTransactionStart: () => (++starts === 2 ? Promise.reject(new Error("not nested")) : undefined),
    };
    dataSource.subscribers.push(subscriber as never);
    const unit = runUnitOfWork(dataSource, async (manager) => {
      await manager.insert(Account, { id: 2 });
      await expect(manager.transaction(() => Promise.resolve())).rejects.toThrow("not nested");
      await manager.insert(Account, { id: 3 });
    });
    await unit;
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber as never), 1);
    expect([starts, await count()]).toEqual([2, 3]);
  });

  it("rolls back when a subscriber fails before the commit or the rollback", async () => {
    for (const hook of ["beforeTransactionCommit", "beforeTransactionRollback"]) {
      const subscriber = { [hook]: () => Promise.reject(new Error("the subscriber has failed")) };
      dataSource.subscribers.push(subscriber as never);
      const unit = runUnitOfWork(dataSource, async (manager) => {
        await manager.insert(Account, { id: 2 });
        if (hook === "beforeTransactionRollback") throw new Error("the work has failed");
      });
      await expect(unit).rejects.toThrow(/^the (subscriber|work) has failed$/);
      dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber as never), 1);
      expect(await count()).toBe(1);
      await runUnitOfWork(dataSource, (manager) => manager.insert(Account, { id: 3 }));
      await dataSource.manager.delete(Account, 3);
    }
  });

  it("does not let the work end the transaction", async () => {
    for (const end of ["commitTransaction", "rollbackTransaction"] as const) {
      const unit = runUnitOfWork(dataSource, async (manager) => {
        await manager.insert(Account, { id: 2 });
        await manager.queryRunner?.[end]();
      });
      await expect(unit).rejects.toMatchObject({ code: "ENDED_UNIT" });
      expect(await count()).toBe(1);
    }
    for (const sql of ["COMMIT", "commit;", "BEGIN", "/* mine */ ROLLBACK"]) {
      const unit = runUnitOfWork(dataSource, async (manager) => {
        await manager.insert(Account, { id: 2 });
        await manager.query(sql);
      });
      await expect(unit).rejects.toMatchObject({ code: "ENDED_UNIT" });
      expect(await count()).toBe(1);
    }
  });

  it("refuses a unit that has left a nested transaction open", async () => {
    const unit = runUnitOfWork(dataSource, async (manager) => {
      await manager.queryRunner?.startTransaction();
      await manager.insert(Account, { id: 2 });
    });
    await expect(unit).rejects.toMatchObject({ code: "ENDED_UNIT" });
    expect(await count()).toBe(1);
    expect(dataSource.createQueryRunner().isTransactionActive).toBe(false);
  });

  it("lets nobody join a unit whose transaction has ended", async () => {
    const joining: Promise<unknown>[] = [];
    const subscriber = {
      afterTransactionCommit: () => {
        const unit = runUnitOfWork(dataSource, (manager) => manager.insert(Account, { id: 3 }));
        joining.push(unit.catch((error: unknown) => error));
      },
    };
    dataSource.subscribers.push(subscriber as never);
    await runUnitOfWork(dataSource, (manager) => manager.insert(Account, { id: 2 }));
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber as never), 1);
    expect(await Promise.all(joining)).toMatchObject([{ code: "OUTER_TRANSACTION" }]);
    expect(await count()).toBe(2);
  });

  it("gives a removed entity its key back when the unit is rolled back", async () => {
    const account = await dataSource.manager.findOneByOrFail(Account, { id: 1 });
    const unit = runUnitOfWork(dataSource, async (manager) => {
      await manager.remove(account);
      throw new Error("no");
    });
    await expect(unit).rejects.toThrow("no");
    expect(account.id).toBe(1);
    await dataSource.manager.remove(account);
    expect(await count()).toBe(0);
  });

  it("keeps the connection when the work releases it", async () => {
    await runUnitOfWork(dataSource, async (manager) => {
      await manager.release();
      await manager.insert(Account, { id: 2 });
    });
    expect(await count()).toBe(2);
  });
});
