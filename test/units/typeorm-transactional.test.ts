import type { DataSource, Repository } from "typeorm";
import { guardDataSource, runUnitOfWork, UnitOfWork } from "typeorm-concurrency";
import {
  addTransactionalDataSource,
  initializeTransactionalContext,
  runOnTransactionCommit,
  StorageDriver,
  Transactional,
} from "typeorm-transactional";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

/** Which of the two has wrapped the DataSource first. */
const orders = ["guarded first", "transactional first"] as const;

initializeTransactionalContext({ storageDriver: StorageDriver.ASYNC_LOCAL_STORAGE });

eachDatabase((scratch, database) => {
  describe.each(orders)("%s", (order) => {
    let dataSource: DataSource;
    let other: DataSource;
    let accounts: Repository<Account>;
    const name = `${database} ${order}`;

    beforeAll(async () => {
      dataSource = scratch().dataSource([Account], { synchronize: true });
      if (order === "guarded first") guardDataSource(dataSource);
      addTransactionalDataSource({ name, dataSource, patch: true });
      if (order === "transactional first") guardDataSource(dataSource);
      await dataSource.initialize();
      other = await guardDataSource(scratch().dataSource([Account])).initialize();
      accounts = dataSource.getRepository(Account);
    });
    beforeEach(async () => {
      await other.manager.clear(Account);
      await other.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    });

    class Service {
      runs = 0;
      committed = 0;
      readonly dataSource = dataSource;

      @Transactional({ connectionName: name })
      async transfer(amount: number): Promise<void> {
        runOnTransactionCommit(() => this.committed++);
        const from = await accounts.findOneByOrFail({ id: 1 });
        const to = await accounts.findOneByOrFail({ id: 2 });
        from.balance -= amount;
        to.balance += amount;
        await accounts.save(from);
        await accounts.save(to);
      }
    }

    const balances = async (): Promise<number[]> =>
      (await other.manager.find(Account, { order: { id: "ASC" } })).map(({ balance }) => balance);

    it("retries outside, with its transaction inside", async () => {
      const service = new Service();
      await Promise.all(
        [1, 2, 3, 4].map(() => runUnitOfWork(dataSource, () => service.transfer(5), { retries: 50 })),
      );
      expect(await balances()).toEqual([-20, 20]);
    });

    it("undoes its transaction with the unit", async () => {
      const service = new Service();
      const unit = runUnitOfWork(dataSource, async () => {
        await service.transfer(5);
        throw new Error("no");
      });
      await expect(unit).rejects.toThrow("no");
      expect(await balances()).toEqual([0, 0]);
    });

    it("refuses a stale save in its transaction, and a unit", async () => {
      class Stale {
        readonly dataSource = dataSource;
        @Transactional({ connectionName: name })
        async save(account: Account): Promise<unknown> {
          return accounts.save(account);
        }
        @Transactional({ connectionName: name })
        async around(): Promise<void> {
          await this.unit();
        }
        @UnitOfWork()
        async unit(): Promise<void> {
          return Promise.resolve();
        }
      }
      const stale = await accounts.findOneByOrFail({ id: 1 });
      await other.manager.increment(Account, { id: 1 }, "balance", 1);
      await expect(new Stale().save(Object.assign(stale, { balance: 9 }))).rejects.toMatchObject({
        code: "OPTIMISTIC_LOCK",
      });
      await expect(new Stale().around()).rejects.toMatchObject({ code: "OUTER_TRANSACTION" });
      expect(await balances()).toEqual([1, 0]);
    });
  });
});
