import { AsyncResource } from "node:async_hooks";
import { setImmediate } from "node:timers/promises";
import { Column, DataSource, Entity, PrimaryColumn } from "typeorm";
import { guardDataSource, runUnitOfWork, unguardDataSource } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

/** Not guarded. */
@Entity()
class Note {
  @PrimaryColumn("int") id: number;
  @Column("varchar", { default: "" }) text: string;
}

const rolledBack = new Error("rolled back on purpose");
const outsideAll = new AsyncResource("outside all units");

eachDatabase(
  (scratch) => {
    let dataSource: DataSource;
    let file: DataSource;

    beforeAll(async () => {
      // The driver's busy timeout: how long one waits for a holder that does nothing.
      const extra = { synchronize: true, timeout: 1000, busyTimeout: 1000 };
      dataSource = await guardDataSource(scratch().dataSource([Account, Note], extra)).initialize();
      file = await scratch().dataSource([Account, Note]).initialize();
    });
    beforeEach(async () => {
      await dataSource.manager.clear(Account);
      await dataSource.manager.clear(Note);
      await dataSource.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    });
    afterEach(() => expect(dataSource.createQueryRunner().isTransactionActive).toBe(false));

    /** What is in the file, as another connection sees it. */
    const inFile = async (id: number): Promise<number | undefined> =>
      (await file.manager.findOneBy(Account, { id }))?.balance;

    it("lets fifty transactions take turns, first come first served", async () => {
      const order: number[] = [];
      await Promise.all(
        Array.from({ length: 50 }, (_, index) =>
          dataSource.transaction(async (manager) => {
            const account = await manager.findOneByOrFail(Account, { id: 1 });
            await setImmediate();
            order.push(index);
            await manager.save(Object.assign(account, { balance: account.balance + 1 }));
          }),
        ),
      );
      expect(order).toEqual([...Array(50).keys()]);
      expect(await inFile(1)).toBe(50);
    });

    it("keeps a save that resolved while a transaction beside it was rolled back", async () => {
      const begun = new Latch();
      const beside = new Latch();
      const transaction = dataSource.transaction(async (manager) => {
        await manager.update(Account, { id: 1 }, { balance: 7 });
        begun.open();
        await beside.opened;
        throw rolledBack;
      });
      await begun.opened;
      const writes = [
        dataSource.manager.save(dataSource.manager.create(Account, { id: 3, balance: 3 })),
        dataSource.manager.save(Note, { id: 1, text: "not guarded" }),
        dataSource.manager.update(Account, { id: 2 }, { balance: 5 }),
        dataSource.manager.insert(Account, { id: 4, balance: 4 }),
        dataSource.query("UPDATE account SET owner = 'raw' WHERE id = 2"),
        dataSource.transaction((manager) => manager.insert(Account, { id: 5, balance: 5 })),
        runUnitOfWork(dataSource, (manager) => manager.insert(Account, { id: 6, balance: 6 })),
      ];
      const reads = Promise.all([
        dataSource.manager.findOneByOrFail(Account, { id: 1 }),
        dataSource.manager.countBy(Account, {}),
      ]);
      beside.open();
      await expect(transaction).rejects.toBe(rolledBack);
      await Promise.all(writes);
      expect(await Promise.all([1, 2, 3, 4, 5, 6].map(inFile))).toEqual([0, 5, 3, 4, 5, 6]);
      expect(await file.manager.findOneBy(Note, { id: 1 })).toMatchObject({ text: "not guarded" });
      // Nobody has read what was rolled back.
      expect((await reads)[0].balance).toBe(0);
    });

    it("lets what is called inside through, on whatever way", async () => {
      await dataSource.transaction(async (manager) => {
        await manager.insert(Account, { id: 3 });
        await dataSource.manager.insert(Account, { id: 4 });
        await dataSource.manager.save(Account, { id: 5 } as Account);
        await dataSource.transaction((nested) => nested.insert(Account, { id: 6 }));
        await Promise.all([manager.save(Note, { id: 1 }), dataSource.manager.save(Note, { id: 2 })]);
        expect(await dataSource.manager.count(Account)).toBe(6);
      });
      expect(await file.manager.count(Account)).toBe(6);
    });

    it("waits for units that were begun later no longer than for their turn, when one fails", async () => {
      const units = [1, 2, 3, 4].map((number) =>
        runUnitOfWork(dataSource, async (manager) => {
          await manager.increment(Account, { id: 1 }, "balance", 1);
          if (number % 2 === 0) throw rolledBack;
        }),
      );
      const outcomes = await Promise.allSettled(units);
      expect(outcomes.map(({ status }) => status)).toEqual([
        "fulfilled",
        "rejected",
        "fulfilled",
        "rejected",
      ]);
      expect(await inFile(1)).toBe(2);
    });

    it.each([
      ["a unit", () => runUnitOfWork(dataSource, () => Promise.resolve())],
      ["a transaction()", () => dataSource.transaction(() => Promise.resolve())],
      ["a save", () => dataSource.manager.save(Note, { id: 9 })],
      ["a statement", () => dataSource.query("SELECT 1")],
    ])("is an error, not a hang, when a unit waits for %s that waits for it", async (_, inner) => {
      const unit = runUnitOfWork(dataSource, async (manager) => {
        await manager.update(Account, { id: 1 }, { balance: 7 });
        // Without the unit's async context nobody can know that this belongs to it.
        await outsideAll.runInAsyncScope(inner);
      });
      await expect(unit).rejects.toMatchObject({
        code: "CONNECTION_BUSY",
        holder: "a unit of work",
        message: expect.stringContaining("they wait for each other") as unknown,
      });
      expect(await inFile(1)).toBe(0);
    });

    it("waits as long as the holder uses the connection", async () => {
      const until = Date.now() + 1600;
      const busy = runUnitOfWork(dataSource, async (manager) => {
        while (Date.now() < until) {
          await manager.query("SELECT 1");
          await setImmediate();
        }
      });
      const waiting = dataSource.manager.save(Note, { id: 9 });
      await Promise.all([busy, waiting]);
    });

    it("stops waiting when its signal is aborted, and lets the others through", async () => {
      const controller = new AbortController();
      const gate = new Latch();
      const holder = dataSource.transaction(() => gate.opened);
      const work = jest.fn();
      const aborted = runUnitOfWork(dataSource, work, { signal: controller.signal });
      const next = runUnitOfWork(dataSource, (manager) => manager.insert(Account, { id: 3 }));
      controller.abort(rolledBack);
      await expect(aborted).rejects.toBe(rolledBack);
      gate.open();
      await Promise.all([holder, next]);
      expect(work).not.toHaveBeenCalled();
      expect(await inFile(3)).toBe(0);
    });

    it("leaves transactions that are begun by hand as TypeORM has them, and refuses units there", async () => {
      const queryRunner = dataSource.createQueryRunner();
      await queryRunner.startTransaction();
      await dataSource.manager.update(Account, { id: 1 }, { balance: 7 });
      await dataSource.transaction((manager) => manager.insert(Account, { id: 3 }));
      await expect(runUnitOfWork(dataSource, () => Promise.resolve())).rejects.toMatchObject({
        code: "OUTER_TRANSACTION",
      });
      await queryRunner.rollbackTransaction();
      expect([await inFile(1), await inFile(3)]).toEqual([0, undefined]);
    });

    it("lets a transaction that is begun by hand wait its turn", async () => {
      const begun = new Latch();
      const gate = new Latch();
      const transaction = dataSource.transaction(async (manager) => {
        begun.open();
        await gate.opened;
        await manager.update(Account, { id: 1 }, { balance: 7 });
        throw rolledBack;
      });
      await begun.opened;
      const queryRunner = dataSource.createQueryRunner();
      const byHand = queryRunner.startTransaction().then(async () => {
        await queryRunner.manager.update(Account, { id: 2 }, { balance: 5 });
        await queryRunner.commitTransaction();
      });
      gate.open();
      await expect(transaction).rejects.toBe(rolledBack);
      await byHand;
      expect([await inFile(1), await inFile(2)]).toEqual([0, 5]);
    });

    it("does not believe in a transaction that SQLite has rolled back by itself", async () => {
      await dataSource.query("CREATE TABLE IF NOT EXISTS fragile (id int UNIQUE ON CONFLICT ROLLBACK)");
      await dataSource.query("DELETE FROM fragile");
      const unit = runUnitOfWork(dataSource, async (manager) => {
        await manager.query("INSERT INTO fragile VALUES (1)");
        await manager.query("INSERT INTO fragile VALUES (1)");
      });
      await expect(unit).rejects.toThrow(/UNIQUE/);
      const transaction = dataSource.transaction(async (manager) => {
        await manager.query("INSERT INTO fragile VALUES (2)");
        await manager.query("INSERT INTO fragile VALUES (2)");
      });
      await expect(transaction).rejects.toThrow(/UNIQUE/);
      await dataSource.manager.save(Note, { id: 9 });
      expect(await file.query("SELECT * FROM fragile")).toEqual([]);
      expect(await file.manager.count(Note)).toBe(1);
    });

    it("leaves the query runner as it was when the DataSource is no longer guarded", async () => {
      const own = await scratch().dataSource([Note]).initialize();
      const methodsNow = (): unknown[] => {
        const { query, startTransaction, commitTransaction, rollbackTransaction } = own.createQueryRunner();
        return [query, startTransaction, commitTransaction, rollbackTransaction];
      };
      const before = methodsNow();
      guardDataSource(own);
      expect(methodsNow()).not.toEqual(before);
      unguardDataSource(own);
      expect(methodsNow()).toEqual(before);
      expect(Object.hasOwn(own, "createQueryRunner")).toBe(false);
      expect(Object.hasOwn(own.manager, "transaction")).toBe(false);
      expect(own.manager.queryRunner).toBeUndefined();
    });
  },
  ["sqlite"],
);

it("takes turns in memory too", async () => {
  const dataSource = await guardDataSource(
    new DataSource({ type: "sqljs", entities: [Account], synchronize: true }),
  ).initialize();
  await dataSource.manager.insert(Account, { id: 1 });
  await Promise.all(
    Array.from({ length: 50 }, () =>
      runUnitOfWork(dataSource, async (manager) => {
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        await manager.save(Object.assign(account, { balance: account.balance + 1 }));
      }),
    ),
  );
  expect(await dataSource.manager.findOneBy(Account, { id: 1 })).toMatchObject({ balance: 50, version: 51 });
  await dataSource.destroy();
});
