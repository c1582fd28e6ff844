import { Column, DataSource, Entity, ManyToOne, OneToMany, PrimaryGeneratedColumn } from "typeorm";
import { guardDataSource, runUnitOfWork, UnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { rolledBack, settled } from "./unit-support";

@Entity()
class Author {
  @PrimaryGeneratedColumn() id: number;
  @Column("varchar") name: string;
  @OneToMany(() => Book, (book) => book.author) books: Promise<Book[]>;
}
@Entity()
class Book {
  @PrimaryGeneratedColumn() id: number;
  @Column("varchar") title: string;
  @ManyToOne(() => Author, (author) => author.books) author: Promise<Author>;
}

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let other: DataSource;
  beforeAll(async () => {
    const entities = [Account, Author, Book];
    mine = await guardDataSource(
      scratch().dataSource(entities, { synchronize: true, poolSize: 2, cache: { type: "database" } }),
    ).initialize();
    await mine.synchronize();
    other = await guardDataSource(scratch().dataSource(entities)).initialize();
  });
  beforeEach(async () => {
    for (const table of ["book", "author", "account"]) await other.query(`DELETE FROM ${table}`);
    await other.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
  });

  it("loads lazy relations in the unit, and afterwards", async () => {
    const author = await other.manager.save(other.manager.create(Author, { name: "me" }));
    await other.manager.insert(Book, [{ title: "one", author: author as never }]);
    const kept = await runUnitOfWork(mine, async (manager) => {
      const found = await manager.findOneByOrFail(Author, { id: author.id });
      await manager.insert(Book, { title: "two", author: found as never });
      expect(await found.books).toHaveLength(2);
      return manager.findOneByOrFail(Author, { id: author.id });
    });
    expect(await kept.books).toHaveLength(2);
  });

  it("takes entities from the query cache, and the units go on", async () => {
    for (let round = 0; round < 3; round++) {
      await runUnitOfWork(mine, async (manager) => {
        await manager.find(Author, { cache: { id: "authors", milliseconds: 60_000 } });
        await mine.getRepository(Author).find({ cache: true });
      });
    }
    await settled(
      runUnitOfWork(mine, async (manager) => {
        await manager.insert(Author, { name: "never" });
        expect(await manager.count(Author, { cache: { id: "count", milliseconds: 60_000 } })).toBe(1);
        throw rolledBack;
      }),
    );
    expect(await mine.manager.count(Author, { cache: { id: "count", milliseconds: 60_000 } })).toBe(0);
  });

  it("works inside the unit by a builder that was made before it", async () => {
    const builder = mine.createQueryBuilder().update(Account).set({ balance: 5 }).where("id = 1");
    await settled(
      runUnitOfWork(mine, async () => {
        await builder.execute();
        throw rolledBack;
      }),
    );
    expect((await other.manager.findOneByOrFail(Account, { id: 1 })).balance).toBe(0);
  });

  it("does not draw the listeners of an event, a timer or a queue of somebody else's into the unit when it is over", async () => {
    const gate = new Latch();
    let seen: unknown;
    const outside = (async () => {
      await gate.opened;
      seen = mine.manager.queryRunner;
    })();
    await runUnitOfWork(mine, async () => {
      gate.open();
      await outside;
    });
    expect(seen).toBeUndefined();
  });

  it("crosses units of two DataSources", async () => {
    if (database === "sqlite") return;
    await runUnitOfWork(mine, async (manager) => {
      await manager.increment(Account, { id: 1 }, "balance", 1);
      await runUnitOfWork(other, async (theirs) => {
        await theirs.increment(Account, { id: 2 }, "balance", 1);
        await runUnitOfWork(mine, async (same) => {
          expect(same).toBe(manager);
          await mine.transaction((nested) => nested.increment(Account, { id: 1 }, "balance", 1));
        });
      });
    });
    const rows = await other.manager.find(Account, { order: { id: "ASC" } });
    expect(rows.map(({ balance }) => balance)).toEqual([2, 1]);
  });

  it("refuses a generator as a unit, or runs all of it inside", async () => {
    class Service {
      readonly dataSource = mine;
      async *rows(): AsyncGenerator {
        yield mine.manager.queryRunner;
      }
    }
    const decorate = UnitOfWork();
    const descriptor = Object.getOwnPropertyDescriptor(Service.prototype, "rows")!;
    const refused = await settled(
      (async () => {
        decorate(Service.prototype, "rows", descriptor);
        const made = await (descriptor.value as () => Promise<AsyncGenerator>).call(new Service());
        for await (const queryRunner of made) expect(queryRunner).toBeDefined();
      })(),
    );
    expect(refused).toMatchObject({ status: "rejected", reason: { code: "GUARD_CONFIGURATION" } });
  });

  it("makes static, inherited and overriding methods units", async () => {
    let runs = 0;
    class Base {
      readonly #secret = 1;
      readonly dataSource = mine;
      @UnitOfWork() async add(): Promise<number> {
        await mine.manager.increment(Account, { id: 1 }, "balance", this.#secret);
        return (await mine.manager.findOneByOrFail(Account, { id: 1 })).balance;
      }
    }
    class Derived extends Base {
      @UnitOfWork({ retries: 1, shouldRetry: () => true }) override async add(): Promise<number> {
        const added = await super.add();
        if (++runs === 1) throw rolledBack;
        return added;
      }
      static readonly dataSource = mine;
      @UnitOfWork() static async one(): Promise<boolean> {
        return mine.manager.queryRunner !== undefined;
      }
    }
    expect(await new Derived().add()).toBe(1);
    expect(await Derived.one()).toBe(true);
  });
});

describe("on sqljs", () => {
  it("leaves the DataSource usable after a unit was begun in a raw BEGIN", async () => {
    const only = await guardDataSource(
      new DataSource({ type: "sqljs", entities: [Account], synchronize: true }),
    ).initialize();
    await only.query("BEGIN");
    await only.query("INSERT INTO account (id, balance, version) VALUES (1, 0, 1)");
    const outcome = await settled(runUnitOfWork(only, (manager) => manager.insert(Account, { id: 2 })));
    expect(outcome.status).toBe("rejected");
    expect(await settled(only.query("COMMIT"))).toMatchObject({ status: "fulfilled" });
    await runUnitOfWork(only, (manager) => manager.insert(Account, { id: 3 }));
    await only.transaction((manager) => manager.insert(Account, { id: 4 }));
    expect(await only.manager.count(Account)).toBe(3);
  });
});
