import {
  Column,
  Entity,
  JoinColumn,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
} from "typeorm";
import {
  guardDataSource,
  runUnitOfWork,
  RowVersion,
  verifyUnchanged,
  updateExpecting,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase, type Scratch } from "../support/databases";
import { rolledBack, settled } from "./unit-support";

@Entity()
class Basket {
  @PrimaryGeneratedColumn() id: number;
  @Column("varchar", { default: "" }) owner: string;
  @OneToMany(() => Item, (item) => item.basket, { cascade: true }) items: Item[];
  @RowVersion() version: number;
}

@Entity()
class Item {
  @PrimaryGeneratedColumn() id: number;
  @Column("int") count: number;
  @ManyToOne(() => Basket, (basket) => basket.items) @JoinColumn() basket: Basket;
  @RowVersion() version: number;
}

/** Its version is a digest of what it says, so it comes back when that does. */
@Entity()
class Page {
  @PrimaryColumn("int") id: number;
  @Column("varchar") text: string;
  @RowVersion({ next: (previous: unknown) => (previous === "a" ? "b" : "a") }) version: string;
}

async function open(scratch: Scratch): Promise<{ mine: DataSource; other: DataSource }> {
  const entities = [Account, Basket, Item, Page];
  const mine = await guardDataSource(scratch.dataSource(entities, { synchronize: true })).initialize();
  const other = await guardDataSource(scratch.dataSource(entities)).initialize();
  return { mine, other };
}

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let other: DataSource;
  beforeAll(async () => {
    ({ mine, other } = await open(scratch()));
  });
  beforeEach(async () => {
    for (const table of ["item", "basket", "account", "page"]) await other.query(`DELETE FROM ${table}`);
    await other.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
  });

  it("inserts a captured graph once, with its children attached", async () => {
    const basket = mine.manager.create(Basket, {
      owner: "me",
      items: [{ count: 1 }, { count: 2 }] as Item[],
    });
    let runs = 0;
    await runUnitOfWork(
      mine,
      async (manager) => {
        await manager.save(basket);
        if (++runs < 3) throw rolledBack;
      },
      { shouldRetry: () => true },
    );
    const [found] = await other.manager.find(Basket, { relations: { items: true } });
    expect(await other.manager.count(Basket)).toBe(1);
    expect(found?.items.map(({ count }) => count).sort()).toEqual([1, 2]);
    basket.items[0]!.count = 5;
    await mine.manager.save(basket);
  });

  it("removes what was captured, in the second run too", async () => {
    const captured = await mine.manager.findOneByOrFail(Account, { id: 2 });
    let runs = 0;
    await runUnitOfWork(
      mine,
      async (manager) => {
        await manager.remove(captured);
        if (++runs < 2) throw rolledBack;
      },
      { shouldRetry: (error) => error === rolledBack },
    );
    expect(await other.manager.countBy(Account, { id: 2 })).toBe(0);
  });

  if (database !== "sqlite") {
    it("runs again after a conflict at the commit that verifyUnchanged found", async () => {
      let runs = 0;
      await runUnitOfWork(mine, async (manager) => {
        runs++;
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        await verifyUnchanged(manager, account);
        await manager.increment(Account, { id: 2 }, "balance", 1);
        if (runs === 1) await other.manager.increment(Account, { id: 1 }, "balance", 1);
      });
      expect(runs).toBe(2);
      expect((await other.manager.findOneByOrFail(Account, { id: 2 })).balance).toBe(1);
    });
  }

  // On MariaDB the refused UPDATE has locked the row, and the others would wait for the end of the run.
  if (database === "postgres") {
    // A row with a natural key that is deleted and made again begins at version 1 again.
    it("does not take a row for captured that is deleted and made anew by others", async () => {
      let runs = 0;
      await runUnitOfWork(mine, async (manager) => {
        runs++;
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        expect(account.version).toBe(1);
        if (runs <= 2) await other.manager.increment(Account, { id: 1 }, "balance", 1);
        const outcome = await settled(manager.save(Object.assign(account, { balance: 50 })));
        if (outcome.status === "fulfilled") return;
        await other.manager.delete(Account, { id: 1 });
        await other.manager.insert(Account, { id: 1 });
        throw outcome.reason;
      });
      expect(runs).toBe(3);
    });

    it("does not take a version for captured that comes back", async () => {
      await other.manager.save(other.manager.create(Page, { id: 1, text: "x" }));
      let runs = 0;
      const raise = async (): Promise<void> => {
        const page = await other.manager.findOneByOrFail(Page, { id: 1 });
        await other.manager.save(Object.assign(page, { text: `${page.text}.` }));
      };
      await runUnitOfWork(mine, async (manager) => {
        runs++;
        // The run before lost to b; meanwhile it is a again.
        const page = await manager.findOneByOrFail(Page, { id: 1 });
        if (runs <= 2) await raise();
        const outcome = await settled(manager.save(Object.assign(page, { text: "mine" })));
        if (outcome.status === "fulfilled") return;
        await raise();
        throw outcome.reason;
      });
      expect(runs).toBe(3);
    });
  }

  it("runs a unit again only for what the database says, not for a query runner that the work itself has released", async () => {
    let runs = 0;
    const outcome = await settled(
      runUnitOfWork(mine, async () => {
        runs++;
        const own = other.createQueryRunner();
        await own.release();
        if (database === "sqlite") throw Object.assign(new Error("x"), { name: "Other" });
        await own.query("SELECT 1");
      }),
    );
    expect(outcome.status).toBe("rejected");
    expect(runs).toBe(1);
  });

  it("refuses a shouldRetry that answers by a promise, or does what it says", async () => {
    let runs = 0;
    const outcome = await settled(
      runUnitOfWork(
        mine,
        () => {
          runs++;
          return Promise.reject(rolledBack);
        },
        { shouldRetry: (() => Promise.resolve(false)) as never },
      ),
    );
    expect({ runs, outcome: outcome.status }).toEqual({ runs: 1, outcome: "rejected" });
  });

  it("does not hide what a run failed with when shouldRetry throws", async () => {
    const outcome = await settled(
      runUnitOfWork(mine, () => Promise.reject(rolledBack), {
        shouldRetry: () => {
          throw new Error("a mistake in shouldRetry");
        },
      }),
    );
    const { reason } = outcome as PromiseRejectedResult;
    expect(reason === rolledBack || (reason as Error).cause === rolledBack).toBe(true);
  });

  it("does not run again after updateExpecting was refused", async () => {
    let runs = 0;
    const outcome = await settled(
      runUnitOfWork(mine, async (manager) => {
        runs++;
        await updateExpecting(manager, Account, 1, 7, { balance: 3 });
      }),
    );
    expect({ runs, outcome: outcome.status }).toEqual({ runs: 1, outcome: "rejected" });
  });

  it("refuses a delay that Node's timers would cut short", async () => {
    const unit = runUnitOfWork(mine, () => Promise.resolve(), { minDelayMs: 2 ** 31 });
    await expect(unit).rejects.toMatchObject({ code: "GUARD_CONFIGURATION" });
  });
});
