import { Column, Entity, PrimaryGeneratedColumn, type DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { Latch, openSecond, refusalOf, Tripwire, withoutHanging } from "./support";

@Entity()
class Account {
  @PrimaryGeneratedColumn() id: number;
  @Column("int", { default: 0 }) balance: number;
  @RowVersion() version: number;
}

@Entity()
class Note {
  @PrimaryGeneratedColumn() id: number;
  @Column() text: string;
}

const entities = [Account, Note];

eachDatabase((scratch, name) => {
  let mine: DataSource;
  let theirs: DataSource;
  const log = new Tripwire();
  beforeAll(async () => {
    mine = scratch().dataSource(entities, {
      synchronize: true,
      dropSchema: true,
      logging: true,
      logger: log,
    });
    await guardDataSource(mine).initialize();
    theirs = await openSecond(scratch(), entities);
  });
  afterAll(async () => {
    if (mine?.isInitialized) await mine.destroy();
    if (theirs?.isInitialized) await theirs.destroy();
  });
  const accounts = (count: number): Promise<Account[]> =>
    mine.manager.save(Array.from({ length: count }, () => new Account()));
  const row = (id: number): Promise<Account> => theirs.manager.findOneByOrFail(Account, { id });

  it("leaves a transaction usable and empty after a refusal that its caller catches", async () => {
    const [a, b, c] = (await accounts(3)) as [Account, Account, Account];
    await theirs.manager.update(Account, { id: b.id }, { balance: 1 });
    a.balance = b.balance = c.balance = 9;
    await mine.transaction(async (manager) => {
      await refusalOf(manager.save([a, b, c]));
      expect([a.version, b.version, c.version]).toEqual([1, 1, 1]);
      c.balance = 4;
      await manager.save(c);
    });
    expect([(await row(a.id)).balance, (await row(b.id)).balance, (await row(c.id)).balance]).toEqual([
      0, 1, 4,
    ]);
    expect(c.version).toBe(2);
  });

  it("puts tokens back when the outer transaction is rolled back, savepoint by savepoint", async () => {
    const [a, b] = (await accounts(2)) as [Account, Account];
    await mine
      .transaction(async (manager) => {
        a.balance = 1;
        await manager.save(a);
        await manager
          .transaction(async (inner) => {
            a.balance = 2;
            b.balance = 2;
            await inner.save([a, b]);
            expect([a.version, b.version]).toEqual([3, 2]);
            throw new Error("inner");
          })
          .catch(() => undefined);
        expect([a.version, b.version]).toEqual([2, 1]);
        throw new Error("outer");
      })
      .catch(() => undefined);
    expect([a.version, b.version]).toEqual([1, 1]);
    await mine.manager.save([a, b]);
    expect([(await row(a.id)).balance, (await row(b.id)).balance]).toEqual([2, 2]);
  });

  it("saves several lists in parallel on one transactional manager", async () => {
    const [a, b, c, d] = (await accounts(4)) as [Account, Account, Account, Account];
    for (const each of [a, b, c, d]) each.balance = 3;
    await withoutHanging(
      mine.transaction((manager) =>
        Promise.all([manager.save([a, b]), manager.save([c, d]), manager.save(a)]),
      ),
    );
    expect((await row(d.id)).balance).toBe(3);
  });

  it("inserts and removes again in a transaction that is rolled back, and can then do it again", async () => {
    const account = new Account();
    await mine
      .transaction(async (manager) => {
        await manager.save(account);
        account.balance = 5;
        await manager.save(account);
        throw new Error("back");
      })
      .catch(() => undefined);
    expect(account.version).toBeUndefined();
    await mine.manager.save(account);
    expect((await row(account.id)).balance).toBe(5);
    account.balance = 6;
    await mine.manager.save(account);
    expect((await row(account.id)).balance).toBe(6);
  });

  it("puts tokens back when the connection dies in the middle of a save in a transaction", async () => {
    if (name === "sqlite") return; // no connection to kill
    const [a, b] = (await accounts(2)) as [Account, Account];
    a.balance = b.balance = 7;
    const listener = {
      listenTo: () => Account,
      afterUpdate: async (event: { queryRunner: { query(sql: string): Promise<unknown> } }) => {
        const [{ id }] = (await event.queryRunner.query(
          name === "postgres" ? "SELECT pg_backend_pid() AS id" : "SELECT CONNECTION_ID() AS id",
        )) as [{ id: number }];
        await theirs.query(name === "postgres" ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`);
        await event.queryRunner.query("SELECT 1");
      },
    };
    mine.subscribers.push(listener);
    const error = await mine
      .transaction((manager) => manager.save([a, b]))
      .then(
        () => undefined,
        (each: unknown) => each,
      );
    mine.subscribers.splice(mine.subscribers.indexOf(listener), 1);
    expect(error).toBeDefined();
    expect([a.version, b.version]).toEqual([1, 1]);
    await mine.manager.save([a, b]);
    expect((await row(a.id)).balance).toBe(7);
  });

  it("passes a deadlock on as what it is", async () => {
    if (name === "sqlite") return;
    const [a, b, c] = (await accounts(3)) as [Account, Account, Account];
    const theirsHas = new Latch();
    const mineHas = new Latch();
    // Theirs writes more rows first, so that the database picks mine as the victim.
    const others = theirs
      .transaction(async (manager) => {
        if (name === "mariadb") for (let i = 0; i < 50; i++) await manager.insert(Note, { text: "weight" });
        await manager.query(`UPDATE account SET balance = 1 WHERE id = ${b.id}`);
        theirsHas.open();
        await mineHas.opened;
        await manager.query(`UPDATE account SET balance = 1 WHERE id = ${a.id}`);
      })
      .catch((error: unknown) => error);
    const outcome = await mine
      .transaction(async (manager) => {
        const loaded = await manager.find(Account, { order: { id: "ASC" } });
        const [x, y, z] = [a, b, c].map(({ id }) => loaded.find((each) => each.id === id)) as [
          Account,
          Account,
          Account,
        ];
        x.balance = y.balance = z.balance = 5;
        await theirsHas.opened;
        await manager.save([x, z]);
        mineHas.open();
        await manager.save([z, y].map((each) => Object.assign(each, { balance: 6 })));
      })
      .catch((error: unknown) => error);
    const theirOutcome = await others;
    const errors = [outcome, theirOutcome].filter((each): each is Error => each instanceof Error);
    const texts = errors.map((error) => `${String((error as { code?: unknown }).code)} ${error.message}`);
    expect(texts.join("; ")).not.toMatch(/SAVEPOINT/i);
    if (outcome !== undefined) expect(String((outcome as Error).message)).toMatch(/deadlock/i);
  });

  it("refuses a save in a REPEATABLE READ transaction whose snapshot is older than the other write", async () => {
    if (name === "sqlite") return;
    const [a] = (await accounts(1)) as [Account];
    const outcome = await mine
      .transaction("REPEATABLE READ", async (manager) => {
        const loaded = await manager.findOneByOrFail(Account, { id: a.id });
        await theirs.manager.update(Account, { id: a.id }, { balance: 1 });
        loaded.balance = 2;
        await manager.save(loaded);
      })
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    if (name === "mariadb") {
      expect(isOptimisticLockError(outcome)).toBe(true);
      expect(isOptimisticLockError(outcome) && outcome.conflicts[0]?.actual).toEqual({ version: 2 });
    }
    expect((await row(a.id)).balance).toBe(1);
  });

  it("refuses a save in a snapshot when the row has been deleted meanwhile", async () => {
    if (name === "sqlite") return;
    const [a] = (await accounts(1)) as [Account];
    const outcome = await mine
      .transaction("REPEATABLE READ", async (manager) => {
        const loaded = await manager.findOneByOrFail(Account, { id: a.id });
        await theirs.manager.delete(Account, { id: a.id });
        loaded.balance = 2;
        await manager.save(loaded);
      })
      .catch((error: unknown) => error);
    expect(outcome).toBeInstanceOf(Error);
    expect(await theirs.manager.countBy(Account, { id: a.id })).toBe(0);
  });
});
