import { setImmediate } from "node:timers/promises";
import { DataSource, Repository, type EntityManager } from "typeorm";
import { currentManager, guardDataSource, runUnitOfWork, UnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

class AccountRepository extends Repository<Account> {
  constructor(dataSource: DataSource) {
    super(Account, dataSource.createEntityManager());
  }
}

const rolledBack = new Error("rolled back on purpose");

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let other: DataSource;
  let accounts: Repository<Account>;

  beforeAll(async () => {
    mine = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
    other = await guardDataSource(scratch().dataSource([Account])).initialize();
    accounts = mine.getRepository(Account);
    Account.useDataSource(mine);
  });
  beforeEach(async () => {
    await accounts.clear();
    await accounts.insert([{ id: 1 }, { id: 2 }]);
  });

  const seen = async (id = 1): Promise<number> =>
    (await other.manager.findOneByOrFail(Account, { id })).balance;

  // Each changes the balance of the first account to 7 without naming a connection.
  const ways: Record<string, (manager: EntityManager) => Promise<unknown>> = {
    "the given manager": (manager) => manager.update(Account, 1, { balance: 7 }),
    "an injected repository": async () => {
      const account = await accounts.findOneByOrFail({ id: 1 });
      account.balance = 7;
      return accounts.save(account);
    },
    "a repository class of one's own": async () => {
      const own = new AccountRepository(mine);
      return own.save(Object.assign(await own.findOneByOrFail({ id: 1 }), { balance: 7 }));
    },
    "an extended repository": (manager) =>
      manager.withRepository(accounts.extend({ rich: () => accounts.update(1, { balance: 7 }) })).rich(),
    "dataSource.manager": () => mine.manager.update(Account, { id: 1 }, { balance: 7 }),
    "an entity manager made by the DataSource": () =>
      mine.createEntityManager().update(Account, { id: 1 }, { balance: 7 }),
    "Active Record": async () => {
      const account = await Account.findOneByOrFail({ id: 1 });
      account.balance = 7;
      return account.save();
    },
    "a query builder of the DataSource": () =>
      mine.createQueryBuilder().update(Account).set({ balance: 7 }).where("id = 1").execute(),
    "a query builder of the DataSource with an alias": async () => {
      const account = await mine.createQueryBuilder(Account, "a").where("a.id = 1").getOneOrFail();
      return mine.manager.save(Object.assign(account, { balance: 7 }));
    },
    "a query builder of a repository": () =>
      accounts.createQueryBuilder().update().set({ balance: 7 }).where("id = 1").execute(),
    "dataSource.query": () => mine.query("UPDATE account SET balance = 7 WHERE id = 1"),
    "a nested transaction": () =>
      mine.transaction((manager) => manager.update(Account, { id: 1 }, { balance: 7 })),
    currentManager: () => currentManager(mine).update(Account, { id: 1 }, { balance: 7 }),
    "a unit inside": () =>
      runUnitOfWork(mine, (manager) => manager.update(Account, { id: 1 }, { balance: 7 })),
  };

  describe.each(Object.entries(ways))("%s", (_, change) => {
    it("works on the unit's connection, and commits with it", async () => {
      let before: number | undefined;
      await runUnitOfWork(mine, async (manager) => {
        await change(manager);
        if (database !== "sqlite") before = await seen();
        expect((await manager.findOneByOrFail(Account, { id: 1 })).balance).toBe(7);
        expect((await accounts.findOneByOrFail({ id: 1 })).balance).toBe(7);
      });
      if (database !== "sqlite") expect(before).toBe(0);
      expect(await seen()).toBe(7);
    });

    it("is undone with the unit", async () => {
      await expect(
        runUnitOfWork(mine, async (manager) => {
          await change(manager);
          throw rolledBack;
        }),
      ).rejects.toBe(rolledBack);
      expect(await seen()).toBe(0);
    });
  });

  it("does not draw in code that runs outside at the same time", async () => {
    const changed = new Latch();
    const looked = new Latch();
    const unit = runUnitOfWork(mine, async () => {
      await accounts.update(1, { balance: 7 });
      changed.open();
      if (database !== "sqlite") await looked.opened;
      throw rolledBack;
    });
    await changed.opened;
    // On SQLite it waits for the unit, which has the one connection.
    expect(currentManager(mine)).toBe(mine.manager);
    const [account] = await Promise.all([
      accounts.findOneByOrFail({ id: 1 }),
      accounts.update(2, { balance: 5 }),
    ]);
    looked.open();
    await expect(unit).rejects.toBe(rolledBack);
    expect(account.balance).toBe(0);
    expect(await seen(2)).toBe(5);
  });

  it("does not draw in another DataSource", async () => {
    await runUnitOfWork(mine, async () => {
      expect(currentManager(other)).toBe(other.manager);
      expect(other.manager.queryRunner).toBeUndefined();
      await expect(
        runUnitOfWork(other, async (manager) => {
          expect(manager).not.toBe(currentManager(mine));
          expect(await manager.countBy(Account, {})).toBe(2);
          throw rolledBack;
        }),
      ).rejects.toBe(rolledBack);
    });
  });

  it("rolls a nested transaction back alone", async () => {
    await runUnitOfWork(mine, async () => {
      await accounts.update(1, { balance: 7 });
      const nested = mine.transaction(async (manager) => {
        await manager.update(Account, { id: 2 }, { balance: 7 });
        throw rolledBack;
      });
      await expect(nested).rejects.toBe(rolledBack);
    });
    expect([await seen(1), await seen(2)]).toEqual([7, 0]);
  });

  it("gives stock repositories their own connections again afterwards", async () => {
    await runUnitOfWork(mine, () => accounts.find());
    expect(mine.manager.queryRunner).toBeUndefined();
    await accounts.update(1, { balance: 3 });
    expect(await seen()).toBe(3);
  });

  it("refuses the manager of a unit that has ended, on whatever way", async () => {
    let kept!: EntityManager;
    const keep = async (manager: EntityManager): Promise<Account> => {
      kept = manager;
      return manager.findOneByOrFail(Account, { id: 1 });
    };
    const account = await runUnitOfWork(mine, keep);
    const code = { code: "ENDED_UNIT" };
    await expect(kept.find(Account)).rejects.toMatchObject(code);
    await expect(kept.save(Object.assign(account, { balance: 9 }))).rejects.toMatchObject(code);
    await expect(kept.update(Account, { id: 1 }, { balance: 9 })).rejects.toMatchObject(code);
    await expect(kept.query("SELECT 1")).rejects.toMatchObject(code);
    await expect(kept.transaction(() => Promise.resolve())).rejects.toMatchObject(code);
    expect(() => kept.getRepository(Account)).toThrow(expect.objectContaining(code));
    expect(() => kept.createQueryBuilder()).toThrow(expect.objectContaining(code));
    expect(await seen()).toBe(0);
  });

  it("waits for what the work has begun and not awaited", async () => {
    let left!: Promise<unknown>;
    await runUnitOfWork(mine, async (manager) => {
      const account = await manager.findOneByOrFail(Account, { id: 1 });
      left = manager.save(Object.assign(account, { balance: 7 }));
      await setImmediate();
    });
    await left;
    expect(await seen()).toBe(7);
  });

  it("refuses what the work has begun and not awaited when it comes after the commit", async () => {
    let left!: Promise<unknown>;
    await runUnitOfWork(mine, async (manager) => {
      const account = await manager.findOneByOrFail(Account, { id: 1 });
      left = setImmediate().then(() => manager.save(Object.assign(account, { balance: 7 })));
      left.catch(() => undefined);
    });
    await expect(left).rejects.toMatchObject({ code: "ENDED_UNIT" });
    expect(await seen()).toBe(0);
  });

  it("lets work that goes on after the unit have connections of its own", async () => {
    const ended = new Latch();
    let left!: Promise<unknown>;
    await runUnitOfWork(mine, async () => {
      left = ended.opened.then(() => accounts.update(2, { balance: 4 }));
      return accounts.update(1, { balance: 7 });
    });
    ended.open();
    await left;
    expect([await seen(1), await seen(2)]).toEqual([7, 4]);
  });

  describe("@UnitOfWork", () => {
    class Service {
      attempts = 0;
      constructor(readonly dataSource: DataSource) {}

      @UnitOfWork()
      async deposit(id: number, amount: number): Promise<number> {
        this.attempts++;
        const account = await accounts.findOneByOrFail({ id });
        account.balance += amount;
        await accounts.save(account);
        return account.balance;
      }

      @UnitOfWork({ retries: 100 })
      async depositTwice(id: number, amount: number): Promise<number> {
        await this.deposit(id, amount);
        return this.deposit(id, amount);
      }
    }

    it("makes a method of a service with an injected repository a unit", async () => {
      const service = new Service(mine);
      const balances = await Promise.all([1, 2, 3, 4].map(() => service.depositTwice(1, 1)));
      expect(balances.sort()).toEqual([2, 4, 6, 8]);
      expect(await seen()).toBe(8);
      expect(service.attempts).toBeGreaterThanOrEqual(8);
    });

    it("takes the DataSource it is told", async () => {
      class Named {
        readonly dataSource = other;
        @UnitOfWork({ dataSource: () => mine })
        async manager(): Promise<EntityManager[]> {
          return Promise.resolve([currentManager(mine), currentManager(other)]);
        }
      }
      const [inMine, inOther] = await new Named().manager();
      expect(inMine).not.toBe(mine.manager);
      expect(inOther).toBe(other.manager);
    });

    it("says what it needs when two are guarded and none is named", async () => {
      class Nameless {
        @UnitOfWork()
        async run(): Promise<void> {
          return Promise.resolve();
        }
      }
      await expect(new Nameless().run()).rejects.toMatchObject({
        code: "GUARD_CONFIGURATION",
        message: expect.stringContaining("@UnitOfWork({ dataSource: () => dataSource })") as unknown,
      });
    });

    it("keeps the method's name, length and metadata", () => {
      const marked: MethodDecorator = (_, __, descriptor) => {
        Reflect.defineMetadata("route", "/deposit", descriptor.value as object);
      };
      class Routed {
        @UnitOfWork()
        @marked
        async deposit(amount: number): Promise<number> {
          return Promise.resolve(amount);
        }
      }
      const { deposit } = Routed.prototype;
      expect([deposit.name, deposit.length]).toEqual(["deposit", 1]);
      expect(Reflect.getMetadata("route", deposit)).toBe("/deposit");
    });

    it("refuses what is no method", () => {
      expect(() => UnitOfWork()({}, "field", undefined as never)).toThrow(
        /is for methods, and field is none/,
      );
    });
  });
});

it("takes the only guarded DataSource when none is named", async () => {
  // Those of the tests above are closed by now.
  class Nameless {
    @UnitOfWork()
    async manager(): Promise<EntityManager> {
      return Promise.resolve(currentManager(only));
    }
  }
  const only = await guardDataSource(new DataSource({ type: "sqljs", entities: [] })).initialize();
  expect(await new Nameless().manager()).not.toBe(only.manager);
  await only.destroy();
});
