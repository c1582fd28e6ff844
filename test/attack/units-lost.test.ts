import { setImmediate as immediate } from "node:timers/promises";
import type { DataSource } from "typeorm";
import { runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { ids, open, reset, rolledBack, settled, ticks, withSubscriber } from "./unit-support";

// What a unit has resolved with must be in the database; what it has rejected with must not.
eachDatabase((scratch, database) => {
  let mine: DataSource;
  let looker: DataSource;

  beforeEach(async () => {
    ({ mine, looker } = await open(scratch()));
    await reset(looker);
    jest.spyOn(process, "emitWarning").mockImplementation();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await mine.destroy();
    await looker.destroy();
  });

  describe("a subscriber that refuses a nested transaction in beforeTransactionStart", () => {
    const refusing = (): object => {
      let starts = 0;
      return {
        beforeTransactionStart: () => {
          if (++starts === 2) throw rolledBack;
        },
      };
    };

    it("does not lose the unit when the work handles it", async () => {
      const outcome = await withSubscriber(mine, refusing(), () =>
        settled(
          runUnitOfWork(mine, async (manager) => {
            await manager.insert(Account, { id: 3 });
            await manager.transaction(() => Promise.resolve()).catch(() => undefined);
          }),
        ),
      );
      expect({ outcome: outcome.status, ids: await ids(looker) }).toEqual(
        outcome.status === "fulfilled"
          ? { outcome: "fulfilled", ids: [1, 2, 3] }
          : { outcome: "rejected", ids: [1, 2] },
      );
    });

    it("does not leave a transaction open on the connection it gives back", async () => {
      const outcome = await withSubscriber(mine, refusing(), () =>
        settled(
          runUnitOfWork(mine, async (manager) => {
            await manager.insert(Account, { id: 3 });
            await manager.transaction(() => Promise.resolve());
          }),
        ),
      );
      expect(outcome.status).toBe("rejected");
      const next = await settled(runUnitOfWork(mine, (manager) => manager.insert(Account, { id: 4 })));
      expect({ next: next.status, ids: await ids(looker) }).toEqual({ next: "fulfilled", ids: [1, 2, 4] });
    });
  });

  it("does not lose the unit to a failure that a subscriber swallows in beforeTransactionCommit", async () => {
    const subscriber = {
      beforeTransactionCommit: async ({ manager }: any) => {
        await manager.insert(Account, { id: 1 }).catch(() => undefined);
      },
    };
    const outcome = await withSubscriber(mine, subscriber, () =>
      settled(runUnitOfWork(mine, (manager) => manager.insert(Account, { id: 3 }))),
    );
    expect({ outcome: outcome.status, ids: await ids(looker) }).toEqual(
      outcome.status === "fulfilled"
        ? { outcome: "fulfilled", ids: [1, 2, 3] }
        : { outcome: "rejected", ids: [1, 2] },
    );
  });

  it("does not take a released savepoint for the commit, when a transaction was not awaited", async () => {
    const committing = new Latch();
    const begun = new Latch();
    const end = new Latch();
    let left!: Promise<unknown>;
    const subscriber = {
      beforeTransactionCommit: async () => {
        committing.open();
        await begun.opened;
      },
    };
    const outcome = await withSubscriber(mine, subscriber, () =>
      settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id: 3 });
          left = committing.opened.then(() =>
            manager.transaction(async () => {
              begun.open();
              await end.opened;
            }),
          );
          left.catch(() => begun.open());
        }),
      ),
    );
    end.open();
    await settled(left);
    const before = await ids(looker);
    const next = await settled(runUnitOfWork(mine, (manager) => manager.insert(Account, { id: 4 })));
    expect({ outcome: outcome.status, before, next: next.status, after: await ids(looker) }).toEqual(
      outcome.status === "fulfilled"
        ? { outcome: "fulfilled", before: [1, 2, 3], next: "fulfilled", after: [1, 2, 3, 4] }
        : { outcome: "rejected", before: [1, 2], next: "fulfilled", after: [1, 2, 4] },
    );
  });

  it("does not lose the unit to a failing statement that was not awaited, whenever it is sent", async () => {
    const lost: number[] = [];
    for (let delay = 0; delay < 60; delay++) {
      const id = 100 + delay;
      const outcome = await settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id });
          void ticks(delay)
            .then(() => manager.query("INSERT INTO account (id, balance, version) VALUES (1, 0, 1)"))
            .catch(() => undefined);
        }),
      );
      const isThere = (await looker.manager.countBy(Account, { id })) === 1;
      if (isThere !== (outcome.status === "fulfilled")) lost.push(delay);
    }
    expect(lost).toEqual([]);
  });

  it("does not lose the unit to a transaction that was not awaited, whenever it is begun", async () => {
    const lost: string[] = [];
    for (let delay = 0; delay < 60; delay++) {
      const id = 100 + delay;
      let left: Promise<unknown> = Promise.resolve();
      const outcome = await settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id });
          left = ticks(delay).then(() => manager.transaction(() => immediate()));
          left.catch(() => undefined);
        }),
      );
      await settled(left);
      const isThere = (await looker.manager.countBy(Account, { id })) === 1;
      if (isThere !== (outcome.status === "fulfilled")) lost.push(`${delay} ${outcome.status}`);
    }
    expect(lost).toEqual([]);
  });

  it("knows the failed statement although another that succeeded before it is settled later", async () => {
    const failed = new Latch();
    const subscriber = {
      afterQuery: ({ query, success }: { query: string; success: boolean }) => {
        if (query.includes("balance = 41")) return failed.opened;
        if (!success) setImmediate(() => setImmediate(failed.open));
        return undefined;
      },
    };
    const outcome = await withSubscriber(mine, subscriber as never, () =>
      settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id: 3 });
          await Promise.allSettled([
            manager.query("UPDATE account SET balance = 41 WHERE id = 2"),
            manager.query("INSERT INTO account (id, balance, version) VALUES (1, 0, 1)"),
          ]);
        }),
      ),
    );
    expect({ outcome: outcome.status, ids: await ids(looker) }).toEqual(
      outcome.status === "fulfilled"
        ? { outcome: "fulfilled", ids: [1, 2, 3] }
        : { outcome: "rejected", ids: [1, 2] },
    );
  });

  it("does not mix nested transactions that run at the same time", async () => {
    const outcome = await settled(
      runUnitOfWork(mine, async () =>
        Promise.allSettled([
          mine.transaction(async (manager) => {
            await manager.insert(Account, { id: 3 });
            await immediate();
          }),
          mine.transaction(async (manager) => {
            await manager.insert(Account, { id: 4 });
            throw rolledBack;
          }),
        ]),
      ),
    );
    const left = await ids(looker);
    if (outcome.status === "rejected") expect(left).toEqual([1, 2]);
    else {
      const acknowledged = outcome.value.map(({ status }) => status === "fulfilled");
      expect([left.includes(3), left.includes(4)]).toEqual(acknowledged);
    }
  });

  it("does not let the rest of a failed run write outside of the unit", async () => {
    const second = new Latch();
    const rest: Promise<unknown>[] = [];
    let runs = 0;
    const accounts = mine.getRepository(Account);
    await runUnitOfWork(
      mine,
      async () => {
        if (++runs === 2) second.open();
        const slow = (async () => {
          if (runs === 1) await second.opened;
          await accounts.increment({ id: 1 }, "balance", 1);
        })();
        rest.push(slow);
        await Promise.all([slow, runs === 1 ? Promise.reject(rolledBack) : undefined]);
      },
      { shouldRetry: (error) => error === rolledBack },
    );
    await Promise.allSettled(rest);
    expect((await looker.manager.findOneByOrFail(Account, { id: 1 })).balance).toBe(1);
  });

  it.each(["commit", "COMMIT;", "COMMIT WORK", " COMMIT", "ROLLBACK;", "rollback", "END"])(
    "does not let the work end the transaction by %j",
    async (sql) => {
      if (sql === "END" && database === "mariadb") return;
      const outcome = await settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id: 3 });
          await manager.query(sql);
          await manager.insert(Account, { id: 4 });
          throw rolledBack;
        }),
      );
      expect(outcome.status).toBe("rejected");
      expect(await ids(looker)).toEqual([1, 2]);
    },
  );
});
