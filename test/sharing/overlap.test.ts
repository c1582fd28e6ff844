import type { DataSource, EntityManager, EntitySubscriberInterface } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

type Use = (manager: EntityManager) => Promise<unknown>;

const uses: Record<string, Use> = {
  find: (manager) => manager.find(Account),
  findOne: (manager) => manager.findOneBy(Account, { id: 1 }),
  findAndCount: (manager) => manager.findAndCount(Account),
  count: (manager) => manager.count(Account),
  exists: (manager) => manager.exists(Account),
  sum: (manager) => manager.sum(Account, "balance"),
  preload: (manager) => manager.preload(Account, { id: 1 }),
  save: (manager) => manager.save(Account, { id: 11 }),
  "save of several": (manager) => manager.save(Account, [{ id: 11 }, { id: 12 }]),
  remove: (manager) => manager.remove(Object.assign(new Account(), { id: 2, version: 1 })),
  insert: (manager) => manager.insert(Account, { id: 13 }),
  update: (manager) => manager.update(Account, { id: 1 }, { balance: 5 }),
  increment: (manager) => manager.increment(Account, { id: 1 }, "balance", 1),
  upsert: (manager) => manager.upsert(Account, { id: 1, balance: 3 }, ["id"]),
  delete: (manager) => manager.delete(Account, { id: 2 }),
  "a repository's find": (manager) => manager.getRepository(Account).find(),
  "a select builder": (manager) => manager.createQueryBuilder(Account, "account").getRawMany(),
  "an update builder": (manager) =>
    manager.createQueryBuilder().update(Account).set({ balance: 9 }).where("id = 1").execute(),
  "raw SQL": (manager) => manager.query("UPDATE account SET balance = 8"),
  "raw SQL by the query runner": async (manager) =>
    manager.queryRunner?.query("UPDATE account SET balance = 8"),
  "a nested transaction": (manager) => manager.transaction((nested) => nested.insert(Account, { id: 14 })),
};

const here = expect.stringMatching(/^at .*overlap\.test\.ts:\d+:\d+\)?$/) as string;
const overlap = { code: "OVERLAPPING_USE" };

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let looker: DataSource;

  beforeAll(async () => {
    dataSource = scratch().dataSource([Account], { synchronize: true });
    await guardDataSource(dataSource, { overlap: "throw" }).initialize();
    looker = await scratch().dataSource([Account]).initialize();
  });

  beforeEach(async () => {
    await looker.manager.clear(Account);
    await looker.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
  });

  const onServers = (name: string, body: () => Promise<void>): void => {
    if (database === "sqlite") it.skip(`${name} (skipped: there is one connection)`, body);
    else it(name, body);
  };

  const ids = async (): Promise<number[]> =>
    (await looker.manager.find(Account, { order: { id: "ASC" } })).map(({ id }) => id);
  const rows = async (): Promise<unknown> =>
    (await looker.manager.find(Account, { order: { id: "ASC" } })).map(({ balance, id }) => [id, balance]);
  const untouched = [
    [1, 0],
    [2, 0],
  ];

  const ways: Record<string, (work: Use) => Promise<unknown>> = {
    "transaction()": (work) => dataSource.transaction(work),
    "nested transaction()": (work) => dataSource.transaction((outer) => outer.transaction(work)),
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
    it.each(Object.entries(uses))("refuses %s beside a save, and leaves nothing", async (_name, use) => {
      const both = run((manager) =>
        Promise.all([manager.save(Account, [{ id: 21 }, { id: 22 }]), use(manager)]),
      );
      await expect(both).rejects.toMatchObject({
        ...overlap,
        running: { operation: "a save", callSite: here },
        refused: { callSite: here },
      });
      expect(await rows()).toEqual(untouched);
    });

    it("lets everything through one after the other", async () => {
      await run(async (manager) => {
        for (const use of Object.values(uses)) await use(manager);
      });
      expect(await ids()).toEqual([1, 11, 12, 13, 14]);
    });

    it("refuses what the work goes on with after a part of it was refused", async () => {
      let later!: Promise<unknown>;
      const both = run((manager) => {
        const chain = manager.save(Account, { id: 41 }).then(() => manager.save(Account, { id: 42 }));
        later = chain.catch((error: unknown) => error);
        return Promise.all([chain, manager.count(Account)]);
      });
      await expect(both).rejects.toMatchObject(overlap);
      expect(await later).toMatchObject(overlap);
      expect(await rows()).toEqual(untouched);
    });

    it("rolls back what has not been awaited", async () => {
      let save!: Promise<unknown>;
      const forgetful = run((manager) => {
        save = manager.save(Account, [{ id: 51 }, { id: 52 }]).catch((error: unknown) => error);
        return Promise.resolve();
      });
      await expect(forgetful).rejects.toMatchObject({ ...overlap, running: { callSite: here } });
      expect(await save).toMatchObject(overlap);
      expect(await rows()).toEqual(untouched);
    });

    it("says which two lines of the application met", async () => {
      const both = run((manager) => Promise.all([manager.find(Account), manager.count(Account)]));
      await expect(both).rejects.toThrow(
        /a count \(at .*overlap\.test\.ts:\d+:\d+\)?\) was refused because a find \(at .*overlap\.test\.ts:\d+:\d+\)?\) came first and was not awaited/,
      );
    });
  });

  it.each(Object.entries(uses))("refuses an insert beside %s, which goes on", async (_name, use) => {
    const both = dataSource.transaction(async (manager) => {
      const first = use(manager);
      await expect(manager.insert(Account, { id: 31 })).rejects.toMatchObject(overlap);
      await first;
      expect(await manager.countBy(Account, { id: 31 })).toBe(0);
      throw new Error("enough");
    });
    await expect(both).rejects.toThrow("enough");
    expect(await rows()).toEqual(untouched);
  });

  it("refuses two nested transactions side by side", async () => {
    const both = dataSource.transaction((manager) =>
      Promise.all([61, 62].map((id) => manager.transaction((nested) => nested.insert(Account, { id })))),
    );
    await expect(both).rejects.toMatchObject({
      ...overlap,
      running: { operation: "a transaction()", callSite: here },
      refused: { operation: "a transaction()", callSite: here },
    });
    expect(await rows()).toEqual(untouched);
  });

  it("refuses the outer manager's use by another flow while a nested transaction is at work", async () => {
    const both = dataSource.transaction(async (manager) => {
      const inside = new Latch();
      const end = new Latch();
      const nested = manager.transaction(async () => {
        inside.open();
        await end.opened;
      });
      await inside.opened;
      await expect(manager.count(Account)).rejects.toMatchObject(overlap);
      end.open();
      await nested;
      expect(await manager.count(Account)).toBe(2);
    });
    await both;
  });

  it("lets nothing of a nested transaction follow that the outer one has not awaited", async () => {
    const inside = new Latch();
    const end = new Latch();
    let nested!: Promise<unknown>;
    const outer = dataSource.transaction(async (manager) => {
      nested = manager.transaction(async (inner) => {
        await inner.insert(Account, { id: 71 });
        inside.open();
        await end.opened;
        await inner.insert(Account, { id: 72 });
      });
      await inside.opened;
    });
    await expect(outer).rejects.toMatchObject(overlap);
    const outcome = expect(nested).rejects.toThrow();
    end.open();
    await outcome;
    await dataSource.manager.insert(Account, { id: 73 });
    expect(await ids()).toEqual([1, 2, 73]);
  });

  it("lets calls within one flow through, by whatever manager of the transaction", async () => {
    await dataSource.transaction(async (manager) => {
      await manager.transaction(async (nested) => {
        await nested.save(Account, { id: 81 });
        await manager.save(Account, { id: 82 });
        await nested.transaction((innermost) => innermost.save(Account, { id: 83 }));
      });
    });
    expect(await ids()).toEqual([1, 2, 81, 82, 83]);
  });

  it("takes what TypeORM and subscribers do inside a save for no overlap", async () => {
    const seen: number[] = [];
    const subscriber: EntitySubscriberInterface = {
      beforeUpdate: async ({ manager }) => void seen.push(await manager.count(Account)),
      afterUpdate: async ({ manager }) => void seen.push((await manager.find(Account)).length),
    };
    dataSource.subscribers.push(subscriber);
    for (const work of [ways["transaction()"], ways["unit of work"]]) {
      await work?.(async (manager) => {
        const accounts = await manager.find(Account);
        for (const account of accounts) account.balance++;
        await manager.save(accounts);
      });
    }
    const accounts = await dataSource.manager.find(Account);
    for (const account of accounts) account.balance++;
    await dataSource.manager.save(accounts);
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1);
    expect(seen).toEqual(Array(12).fill(2));
    expect(await rows()).toEqual([
      [1, 3],
      [2, 3],
    ]);
  });

  it("takes it for none either when subscribers of a save ask the DataSource, and so other connections", async () => {
    await looker.manager.insert(Account, [{ id: 3 }, { id: 4 }]);
    const seen: number[] = [];
    const count = async (): Promise<void> => void seen.push(await dataSource.manager.count(Account));
    const subscriber: EntitySubscriberInterface = { beforeUpdate: count, afterUpdate: count };
    const accounts = await dataSource.manager.find(Account);
    for (const account of accounts) account.balance++;
    dataSource.subscribers.push(subscriber);
    await dataSource.manager.save(accounts);
    dataSource.subscribers.splice(dataSource.subscribers.indexOf(subscriber), 1);
    expect(seen).toEqual(Array(8).fill(4));
  });

  it("lets the DataSource's own managers be used at once outside of transactions", async () => {
    const { manager } = dataSource;
    const parallel = Object.entries(uses).filter(([name]) => name === "find" || name === "count");
    await Promise.all([...parallel, ...parallel].map(([, use]) => use(manager)));
    await Promise.all([91, 92, 93].map((id) => manager.save(Account, { id })));
    await Promise.all([94, 95].map((id) => dataSource.transaction((each) => each.insert(Account, { id }))));
    await Promise.all(
      [96, 97].map((id) => runUnitOfWork(dataSource, (each) => each.insert(Account, { id }))),
    );
    expect(await ids()).toEqual([1, 2, 91, 92, 93, 94, 95, 96, 97]);
  });

  it("does not run a unit of work again for it", async () => {
    let runs = 0;
    const unit = runUnitOfWork(dataSource, (manager) => {
      runs++;
      return Promise.all([manager.find(Account), manager.find(Account)]);
    });
    await expect(unit).rejects.toMatchObject(overlap);
    expect(runs).toBe(1);
  });

  it("reads and changes the schema as before", async () => {
    await dataSource.transaction(async (manager) => {
      const table = await manager.queryRunner?.getTable("account");
      expect(table?.columns.length).toBe(4);
    });
    await dataSource.synchronize();
  });

  onServers("refuses another flow that has got hold of the manager, while that is busy", async () => {
    const lent: { manager?: EntityManager } = {};
    const isLent = new Latch();
    const isAsked = new Latch();
    const borrower = isLent.opened.then(async () => {
      const counted = lent.manager?.count(Account);
      isAsked.open();
      return counted;
    });
    await dataSource.transaction(async (manager) => {
      lent.manager = manager;
      const find = manager.find(Account);
      isLent.open();
      await isAsked.opened;
      await expect(borrower).rejects.toMatchObject(overlap);
      await find;
    });
  });

  onServers("lets another flow use the manager when it is not busy", async () => {
    const lent: { manager?: EntityManager } = {};
    const isLent = new Latch();
    const borrower = isLent.opened.then(async () => lent.manager?.count(Account));
    await dataSource.transaction(async (manager) => {
      lent.manager = manager;
      isLent.open();
      expect(await borrower).toBe(2);
    });
  });

  onServers("holds the connection until a stream is closed", async () => {
    await dataSource.transaction(async (manager) => {
      const stream = await manager.createQueryBuilder(Account, "account").stream();
      await expect(manager.count(Account)).rejects.toMatchObject({
        ...overlap,
        running: { operation: "a stream", callSite: here },
      });
      const streamed: unknown[] = [];
      for await (const row of stream) streamed.push(row);
      expect(streamed).toHaveLength(2);
      expect(await manager.count(Account)).toBe(2);
    });
  });
});
