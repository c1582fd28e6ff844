import { Column, Entity, PrimaryColumn, type DataSource, type EntitySubscriberInterface } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase, type DatabaseName } from "../support/databases";
import { Latch } from "../support/latch";

@Entity()
class Account {
  @PrimaryColumn("int") id: number;
  @Column("int") balance: number;
  @Column("int", { default: 0 }) entries: number;
  @RowVersion() version: number;
}

/** Holds the first save between its SELECT and its UPDATE. */
class HeldSave implements EntitySubscriberInterface<Account> {
  readonly reached = new Latch();
  readonly released = new Latch();
  #held = false;

  async beforeUpdate(): Promise<void> {
    if (this.#held) return;
    this.#held = true;
    this.reached.open();
    await this.released.opened;
  }
}

eachDatabase((scratch, database) => {
  const connections: DataSource[] = [];
  const connect = async (): Promise<DataSource> => {
    const dataSource = await guardDataSource(
      scratch().dataSource([Account], timeouts(database)),
    ).initialize();
    connections.push(dataSource);
    return dataSource;
  };
  let mine: DataSource;
  let theirs: DataSource;

  beforeAll(async () => {
    await scratch().dataSource([Account], { synchronize: true }).initialize();
    [mine, theirs] = [await connect(), await connect()];
  });
  beforeEach(async () => {
    await mine.manager.clear(Account);
    await mine.manager.insert(
      Account,
      [1, 2, 3].map((id) => ({ id, balance: 100 })),
    );
  });

  // The check is in the UPDATE: what happens after TypeORM's SELECT is seen as well.
  it("refuses a save whose row changes between its SELECT and its UPDATE", async () => {
    const held = new HeldSave();
    mine.subscribers.push(held);
    try {
      const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
      account.balance += 10;
      // Not in a transaction, which on SQLite would keep the other writer waiting.
      const saving = mine.manager.save(account, { transaction: false }).then(
        () => "acknowledged",
        (error: unknown) => isOptimisticLockError(error),
      );
      await held.reached.opened;
      const other = await theirs.manager.findOneByOrFail(Account, { id: 1 });
      other.balance += 1;
      await theirs.manager.save(other);
      held.released.open();
      expect(await saving).toBe(true);
      expect(await theirs.manager.findOneBy(Account, { id: 1 })).toMatchObject({ balance: 101, version: 2 });
    } finally {
      mine.subscribers.splice(mine.subscribers.indexOf(held), 1);
    }
  });

  it("lets exactly one of many writers of the same version win", async () => {
    const loaded = await Promise.all(
      connections.flatMap((connection) =>
        [0, 1].map(() => connection.manager.findOneByOrFail(Account, { id: 1 })),
      ),
    );
    const outcomes = await Promise.allSettled(
      loaded.map((account, index) => {
        account.balance = 1000 + index;
        return (connections[index % 2] as DataSource).manager.save(account);
      }),
    );
    const winners = outcomes.flatMap(({ status }, index) => (status === "fulfilled" ? [index] : []));
    expect(winners).toHaveLength(1);
    expect(await mine.manager.findOneBy(Account, { id: 1 })).toMatchObject({
      balance: 1000 + (winners[0] as number),
      version: 2,
    });
  });

  it("keeps every acknowledged deposit, over many writers, rows and rounds", async () => {
    const acknowledged = new Map<number, number>();
    const rounds = 25;
    let refused = 0;
    let busy = 0;
    const work = async (worker: number): Promise<void> => {
      const { manager } = connections[worker % connections.length] as DataSource;
      for (let round = 0; round < rounds; round++) {
        const id = 1 + ((worker + round) % 3);
        const account = await manager.findOneByOrFail(Account, { id });
        const before = account.version;
        account.balance += 1;
        account.entries += 1;
        try {
          await manager.save(account);
          acknowledged.set(id, (acknowledged.get(id) ?? 0) + 1);
          expect(account.version).toBe(before + 1);
        } catch (error) {
          if (isOptimisticLockError(error)) refused += 1;
          else if (isBusy(error)) busy += 1;
          else throw error;
        }
      }
    };
    await Promise.all([0, 1, 2, 3, 4, 5].map(work));
    for (const { id, balance, entries, version } of await theirs.manager.find(Account)) {
      const deposits = acknowledged.get(id) ?? 0;
      expect({ id, balance, entries, version }).toEqual({
        id,
        balance: 100 + deposits,
        entries: deposits,
        version: 1 + deposits,
      });
    }
    const total = [...acknowledged.values()].reduce((sum, count) => sum + count, 0);
    expect(total + refused + busy).toBe(6 * rounds);
    expect(total).toBeGreaterThan(0);
    expect(refused).toBeGreaterThan(0);
  });
});

// SQLite lets one connection write at a time. The better-sqlite3 driver keeps the whole process waiting for the lock,
// the holder of the lock included, so it is told not to wait long.
function timeouts(database: DatabaseName): object {
  return database === "sqlite" ? { timeout: 5, busyTimeout: 5000 } : {};
}

function isBusy(error: unknown): boolean {
  return /SQLITE_BUSY|database is locked/.test(String(error));
}
