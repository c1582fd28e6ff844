import type { DataSource } from "typeorm";
import {
  clientWins,
  guardDataSource,
  mergeChanges,
  runUnitOfWork,
  storeWins,
  type ConflictStrategy,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

eachDatabase((scratch) => {
  let dataSource: DataSource;
  let captured: Account;
  let runs: number;

  beforeAll(async () => {
    dataSource = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
  });
  beforeEach(async () => {
    runs = 0;
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(Account, { id: 1, balance: 1, owner: "ann" });
    captured = await dataSource.manager.findOneByOrFail(Account, { id: 1 });
  });

  const row = async (): Promise<Account | null> => dataSource.manager.findOneBy(Account, { id: 1 });
  const save = (onConflict: ConflictStrategy): Promise<unknown> =>
    runUnitOfWork(
      dataSource,
      async (manager) => {
        runs++;
        await manager.save(captured);
      },
      { onConflict },
    );

  it.each<[string, () => ConflictStrategy, object]>([
    ["clientWins", clientWins, { balance: 7, owner: "ann" }],
    ["storeWins", storeWins, { balance: 1, owner: "bob" }],
    ["mergeChanges", mergeChanges, { balance: 7, owner: "bob" }],
    [
      "a function",
      () =>
        ({ current, database }) => ({
          balance: (current["balance"] as number) + (database?.["balance"] as number),
        }),
      { balance: 8, owner: "bob" },
    ],
  ])("brings what comes from outside up to date by %s, and runs again", async (_, strategy, expected) => {
    captured.balance = 7;
    await dataSource.manager.update(Account, 1, { owner: "bob" });
    await save(strategy());
    expect(await row()).toMatchObject(expected);
    expect(runs).toBe(2);
  });

  it("ends with the conflict when the strategy throws it again, and another run changes nothing", async () => {
    captured.balance = 7;
    await dataSource.manager.update(Account, 1, { balance: 8 });
    await expect(save(mergeChanges())).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
    expect(runs).toBe(2);
    expect(await row()).toMatchObject({ balance: 8 });
  });

  it("runs again after a strategy that throws the conflict again, for what the work has loaded itself", async () => {
    await runUnitOfWork(
      dataSource,
      async (manager, { number }) => {
        const account = number === 1 ? captured : await manager.findOneByOrFail(Account, { id: 1 });
        account.balance += 1;
        if (number === 1) await dataSource.manager.increment(Account, { id: 1 }, "balance", 100);
        await manager.save(account);
      },
      { onConflict: mergeChanges() },
    );
    // What was written in the first run was undone with it.
    expect(await row()).toMatchObject({ balance: 2 });
  });

  it("ends with whatever else the strategy throws", async () => {
    captured.balance = 7;
    await dataSource.manager.update(Account, 1, { balance: 8 });
    const error = new Error("let a human decide");
    await expect(save(() => Promise.reject(error))).rejects.toBe(error);
  });

  it("does not insert again what the store has deleted", async () => {
    captured.balance = 7;
    await dataSource.manager.delete(Account, 1);
    await expect(save(storeWins())).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
    expect(await row()).toBeNull();
    runs = 0;
    await save(clientWins({ recreate: true }));
    expect(runs).toBe(2);
    expect(await row()).toMatchObject({ balance: 7, owner: "ann" });
  });

  it("lets a unit that loads its rows itself go on when one is gone", async () => {
    await runUnitOfWork(
      dataSource,
      async (manager, { number }) => {
        runs++;
        const account = number === 1 ? captured : await manager.findOneBy(Account, { id: 1 });
        if (number === 1) await dataSource.manager.delete(Account, 1);
        if (account !== null) await manager.save(Object.assign(account, { balance: 7 }));
      },
      { onConflict: storeWins() },
    );
    expect(runs).toBe(2);
  });

  it("removes what is removed in the unit", async () => {
    await dataSource.manager.update(Account, 1, { balance: 8 });
    await runUnitOfWork(dataSource, (manager) => manager.remove(captured), { onConflict: clientWins() });
    expect(await row()).toBeNull();
  });
});
