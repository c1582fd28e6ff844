import { Column, Entity, PrimaryColumn, type DataSource } from "typeorm";
import {
  clientWins,
  mergeChanges,
  resolveConflicts,
  RowVersion,
  saveResolving,
  storeWins,
  verifyUnchanged,
} from "typeorm-concurrency";
import { openFresh, openSecond, refusalOf } from "../attack/support";
import { eachDatabase, type QueryLog } from "../support/databases";

@Entity()
class Account {
  @PrimaryColumn("int") id: number;
  @Column("int") balance: number;
  @Column({ default: "" }) note: string;
  @RowVersion() version: number;
}

@Entity()
class Page {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("int", { default: 0 }) views: number;
  @RowVersion({ source: "xmin" }) version: string;
}

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let theirs: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: mine, log } = await openFresh(scratch(), [Account]));
    theirs = await openSecond(scratch(), [Account]);
  });
  beforeEach(async () => {
    await mine.getRepository(Account).clear();
    await mine.manager.insert(Account, { id: 1, balance: 10 });
  });
  const row = (): Promise<Account> => theirs.manager.findOneByOrFail(Account, { id: 1 });
  const load = (): Promise<Account> => mine.manager.findOneByOrFail(Account, { id: 1 });
  const change = (values: object): Promise<unknown> => theirs.manager.update(Account, { id: 1 }, values);

  it("resolves by the row as it is now, whatever the transaction has read before", async () => {
    const account = await load();
    if (database === "sqlite") await change({ note: "theirs" });
    await mine.transaction(async (manager) => {
      await manager.findOneByOrFail(Account, { id: 1 });
      if (database !== "sqlite") await change({ note: "theirs" });
      account.balance = 5;
      const error = await refusalOf(manager.save(account));
      const statements = await log.during(() => resolveConflicts(manager, error, mergeChanges()));
      expect(statements).toHaveLength(1);
      expect(statements[0]?.includes("FOR UPDATE")).toBe(database !== "sqlite");
      expect(account).toMatchObject({ balance: 5, note: "theirs", version: 2 });
      await manager.save(account);
    });
    expect(await row()).toMatchObject({ balance: 5, note: "theirs", version: 3 });
    expect(account.version).toBe(3);
    await mine.manager.save(Object.assign(account, { balance: 4 }));
    expect(await row()).toMatchObject({ balance: 4, version: 4 });
  });

  it("does all of saveResolving in the transaction", async () => {
    const account = await load();
    await change({ note: "theirs" });
    account.balance = 5;
    await mine.transaction((manager) => saveResolving(manager, account, clientWins()));
    expect(await row()).toMatchObject({ balance: 5, note: "", version: 3 });
  });

  it("is taken back with the transaction, so that nobody relies on what was undone", async () => {
    const account = await load();
    await mine
      .transaction(async (manager) => {
        await manager.update(Account, { id: 1 }, { note: "undone" });
        account.balance = 5;
        const error = await refusalOf(manager.save(account));
        await resolveConflicts(manager, error, clientWins());
        expect(account.version).toBe(2);
        throw new Error("undo");
      })
      .catch(() => undefined);
    expect(account).toMatchObject({ balance: 5, version: 1 });
    // Somebody else's version 2 is not the one that was undone.
    await change({ note: "theirs" });
    const error = await refusalOf(mine.manager.save(account));
    await resolveConflicts(mine.manager, error, mergeChanges());
    await mine.manager.save(account);
    expect(await row()).toMatchObject({ balance: 5, note: "theirs", version: 3 });
  });

  it("is taken back with the transaction, though the save was refused outside of it", async () => {
    const account = await load();
    await change({ note: "theirs" });
    const error = await refusalOf(mine.manager.save(Object.assign(account, { balance: 5 })));
    await mine
      .transaction(async (manager) => {
        await manager.update(Account, { id: 1 }, { note: "undone" });
        await resolveConflicts(manager, error, mergeChanges());
        expect(account).toMatchObject({ note: "undone", version: 3 });
        throw new Error("undo");
      })
      .catch(() => undefined);
    expect(account.version).toBe(1);
    await change({ note: "another" });
    await refusalOf(mine.manager.save(account));
    expect(await row()).toMatchObject({ balance: 10, note: "another", version: 3 });
  });

  it("is taken back for an object that was let go", async () => {
    const account = await load();
    await mine
      .transaction(async (manager) => {
        await manager.delete(Account, { id: 1 });
        const error = await refusalOf(manager.save(Object.assign(account, { balance: 5 })));
        await resolveConflicts(manager, error, storeWins());
        throw new Error("undo");
      })
      .catch(() => undefined);
    await mine.manager.save(account);
    expect(await row()).toMatchObject({ balance: 5, version: 2 });
  });

  it("refreshes objects that were only read", async () => {
    const account = await load();
    await change({ note: "theirs" });
    const error = await refusalOf(verifyUnchanged(mine.manager, account));
    await resolveConflicts(mine.manager, error, storeWins());
    expect(account).toMatchObject({ note: "theirs", version: 2 });
    await verifyUnchanged(mine.manager, account);
  });

  it("reads on the primary, in one statement for all rows of an entity, without listeners", async () => {
    await mine.manager.insert(
      Account,
      [2, 3].map((id) => ({ id, balance: 10 })),
    );
    const accounts = await mine.manager.find(Account);
    await theirs.query("UPDATE account SET version = version + 1, note = 'theirs'");
    for (const account of accounts) account.balance = 5;
    const error = await refusalOf(mine.manager.save(accounts));
    const loaded = jest.fn();
    const subscriber = { afterLoad: loaded };
    mine.subscribers.push(subscriber);
    const statements = await log.during(() => resolveConflicts(mine.manager, error, mergeChanges()));
    mine.subscribers.splice(mine.subscribers.indexOf(subscriber), 1);
    expect(statements).toHaveLength(1);
    expect(loaded).not.toHaveBeenCalled();
    await mine.manager.save(accounts);
    expect((await theirs.manager.find(Account)).map(({ balance, note }) => [balance, note])).toEqual(
      Array.from({ length: 3 }, () => [5, "theirs"]),
    );
  });
});

eachDatabase(
  (scratch) => {
    it("resolves by xmin", async () => {
      const { dataSource: mine, log } = await openFresh(scratch(), [Page]);
      const theirs = await openSecond(scratch(), [Page]);
      await mine.manager.insert(Page, { id: 1, title: "a" });
      const page = await mine.manager.findOneByOrFail(Page, { id: 1 });
      await theirs.query("UPDATE page SET views = 7");
      page.title = "mine";
      const error = await refusalOf(mine.manager.save(page));
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(page).toMatchObject({ title: "mine", views: 7 });
      const statements = await log.during(() => mine.manager.save(page));
      const update = statements.find((statement) => statement.startsWith("UPDATE"));
      expect(update).toContain("xmin");
      expect(update).not.toContain("views");

      await theirs.query("UPDATE page SET views = 8");
      page.title = "again";
      await mine.transaction((manager) => saveResolving(manager, page, mergeChanges()));
      expect(await theirs.manager.findOneBy(Page, { id: 1 })).toMatchObject({ title: "again", views: 8 });
    });
  },
  ["postgres"],
);
