import {
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  EntityNotFoundError,
  EntitySchema,
  In,
  ManyToOne,
  MoreThan,
  OneToMany,
  PrimaryColumn,
  TableInheritance,
  type DataSource,
  type EntityManager,
  type Relation,
} from "typeorm";
import {
  createSerialActor,
  fetchLatest,
  guardDataSource,
  modifyLatest,
  RowVersion,
  runUnitOfWork,
} from "typeorm-concurrency";
import { settled } from "../attack/unit-support";
import { eachDatabase, QueryLog } from "../support/databases";
import { Latch } from "../support/latch";

@Entity()
class Author {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @OneToMany(() => Post, (post) => post.author) posts: Relation<Post[]>;
}

@Entity()
class Post {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("boolean", { default: false }) isRead: boolean;
  @Column("varchar", { length: 40, nullable: true }) download: string | null;
  @Column("int", { default: 0 }) views: number;
  @DeleteDateColumn() deletedAt: Date | null;
  @ManyToOne(() => Author, (author) => author.posts, { eager: true, nullable: true })
  author: Relation<Author> | null;
  @RowVersion() version: number;
}

@Entity()
@TableInheritance({ column: { type: "varchar", name: "kind" } })
class Item {
  @PrimaryColumn("int") shop: number;
  @PrimaryColumn("varchar", { length: 20 }) code: string;
  @Column("int", { default: 0 }) stock: number;
  @RowVersion() version: number;
}

@ChildEntity()
class Book extends Item {
  @Column("int", { nullable: true }) pages: number | null;
}

const NoteSchema = new EntitySchema<{ id: number; text: string; version: number }>({
  name: "Note",
  columns: {
    id: { type: Number, primary: true },
    text: { type: String },
    version: { type: Number, version: true },
  },
});

const entities = [Author, Post, Item, Book, NoteSchema];
const failure = new Error("failed on purpose");

eachDatabase((scratch, database) => {
  const log = new QueryLog();
  let dataSource: DataSource;
  let other: DataSource;

  beforeAll(async () => {
    const extra = { synchronize: true, logging: true, logger: log };
    dataSource = await guardDataSource(scratch().dataSource(entities, extra)).initialize();
    other = await guardDataSource(scratch().dataSource(entities)).initialize();
  });
  beforeEach(async () => {
    for (const target of [Post, Author, Item, NoteSchema])
      await other.manager.createQueryBuilder().delete().from(target).execute();
    await other.manager.insert(Author, { id: 1, name: "ann" });
    await other.manager.insert(Post, { id: 1, title: "first", author: { id: 1 } });
    await other.manager.insert(Post, { id: 2, title: "second" });
  });

  const post = (id = 1, manager: EntityManager = other.manager): Promise<Post> =>
    manager.findOneOrFail(Post, { where: { id }, withDeleted: true });

  describe("fetchLatest", () => {
    const ways: Record<string, (work: (manager: EntityManager) => Promise<void>) => Promise<void>> = {
      "the DataSource's manager": (work) => work(dataSource.manager),
      "the manager of a unit": (work) => runUnitOfWork(dataSource, work),
      "the manager of a transaction": (work) => dataSource.transaction(work),
    };
    describe.each(Object.entries(ways))("by %s", (_, enter) => {
      it("gives what others have written since, in a new object that can be saved", async () => {
        const mine = await post(1, dataSource.manager);
        await other.manager.update(Post, { id: 1 }, { title: "changed" });
        await enter(async (manager) => {
          const latest = await fetchLatest(manager, mine);
          expect(latest).toBeInstanceOf(Post);
          expect(latest).not.toBe(mine);
          expect(latest).toMatchObject({ title: "changed", version: 2, author: { name: "ann" } });
          await manager.save(Object.assign(latest, { isRead: true }));
        });
        expect(mine).toMatchObject({ title: "first", version: 1 });
        expect(await post()).toMatchObject({ title: "changed", isRead: true, version: 3 });
      });

      it("gives what has no relation, and what is soft-deleted", async () => {
        const mine = await post(2, dataSource.manager);
        await other.manager.softDelete(Post, { id: 2 });
        await enter(async (manager) => {
          const latest = await fetchLatest(manager, mine);
          expect(latest).toMatchObject({ id: 2, author: null, deletedAt: expect.any(Date) as Date });
          await manager.recover(latest);
        });
        expect(await post(2)).toMatchObject({ deletedAt: null, version: 3 });
      });

      it("is an EntityNotFoundError when the row is gone", async () => {
        const mine = await post(2, dataSource.manager);
        await other.manager.delete(Post, { id: 2 });
        const outcome = await settled(enter(async (manager) => void (await fetchLatest(manager, mine))));
        expect((outcome as PromiseRejectedResult).reason).toBeInstanceOf(EntityNotFoundError);
      });
    });

    if (database !== "sqlite") {
      it("sees past an old snapshot, and keeps others from writing until the transaction ends", async () => {
        let concurrent: Promise<unknown> | undefined;
        let isWritten = false;
        await dataSource.transaction(async (manager) => {
          const mine = await post(1, manager);
          await other.manager.update(Post, { id: 1 }, { title: "changed" });
          await other.manager.update(Author, { id: 1 }, { name: "bob" });
          const latest = await fetchLatest(manager, mine);
          expect(latest).toMatchObject({ title: "changed", version: 2, author: { name: "bob" } });
          concurrent = other.manager.update(Post, { id: 1 }, { views: 7 }).then(() => (isWritten = true));
          await manager.save(Object.assign(latest, { isRead: true }));
          expect(isWritten).toBe(false);
        });
        await concurrent;
        expect(await post()).toMatchObject({ title: "changed", isRead: true, views: 7, version: 4 });
      });

      it("lets two who fetch the same row inside their units come one after the other", async () => {
        const both = new Latch();
        let begun = 0;
        const attempts: number[] = [];
        const add = (): Promise<void> =>
          runUnitOfWork(dataSource, async (manager, { number }) => {
            attempts.push(number);
            const mine = await post(1, manager);
            if (++begun === 2) both.open();
            await both.opened;
            const latest = await fetchLatest(manager, mine);
            await manager.save(Object.assign(latest, { views: latest.views + 1 }));
          });
        await Promise.all([add(), add()]);
        expect(await post()).toMatchObject({ views: 2, version: 3 });
        expect(attempts).toEqual([1, 1]);
      });
    }

    it("reads entities of composite keys and inherited ones as what they are", async () => {
      await other.manager.insert(Book, { shop: 1, code: "a", pages: 100 });
      const book = await dataSource.manager.findOneByOrFail(Item, { shop: 1, code: "a" });
      for (const run of [
        (manager: EntityManager) => fetchLatest(manager, book),
        (manager: EntityManager) => fetchLatest(manager, Object.assign(new Book(), { shop: 1, code: "a" })),
      ]) {
        const latest = await dataSource.transaction(run);
        expect(latest).toBeInstanceOf(Book);
        expect(latest).toMatchObject({ shop: 1, code: "a", pages: 100, version: 1 });
      }
    });

    it("reads entities of an EntitySchema, and entities that are not guarded", async () => {
      await other.manager.insert(NoteSchema, { id: 1, text: "one" });
      const note = await dataSource.manager.findOneByOrFail(NoteSchema, { id: 1 });
      await other.manager.update(NoteSchema, { id: 1 }, { text: "two" });
      expect(await fetchLatest(dataSource.manager, note)).toMatchObject({ text: "two", version: 2 });
      const author = await dataSource.manager.findOneByOrFail(Author, { id: 1 });
      expect(await fetchLatest(dataSource.manager, author)).toEqual({ id: 1, name: "ann" });
    });

    it("refuses what is no entity, and what has no key", async () => {
      const sent = await log.during(async () => {
        for (const entity of [
          {},
          { id: 1 },
          null,
          undefined,
          1,
          new Post(),
          Object.assign(new Post(), { id: null }),
        ] as any[]) {
          await expect(fetchLatest(dataSource.manager, entity)).rejects.toMatchObject({
            code: "GUARD_CONFIGURATION",
          });
        }
      });
      expect(sent).toEqual([]);
      const bare = await scratch().dataSource(entities).initialize();
      await expect(fetchLatest(bare.manager, await post(1))).rejects.toThrow(/not guarded/);
      await bare.destroy();
    });

    it("gives the connection back", async () => {
      const own = await guardDataSource(scratch().dataSource(entities, { poolSize: 1 })).initialize();
      const mine = await post(1, own.manager);
      for (let round = 0; round < 3; round++) await fetchLatest(own.manager, mine);
      await other.manager.delete(Post, { id: 1 });
      await expect(fetchLatest(own.manager, mine)).rejects.toBeInstanceOf(EntityNotFoundError);
      await expect(fetchLatest(own.manager, mine)).rejects.toBeInstanceOf(EntityNotFoundError);
      await own.destroy();
    });
  });

  describe("modifyLatest", () => {
    it("writes only what was changed, and only over the version that was read", async () => {
      let saved: Post | undefined;
      const sent = await log.during(async () => {
        saved = await modifyLatest(dataSource, Post, 1, (entity) => {
          entity.isRead = true;
        });
      });
      expect(saved).toMatchObject({ id: 1, isRead: true, version: 2, author: { name: "ann" } });
      const [update, ...others] = sent.filter((sql) => sql.startsWith("UPDATE"));
      expect(others).toEqual([]);
      const [set, where] = update!.split(" WHERE ");
      expect(set).toMatch(/^UPDATE \S+ SET [`"]isRead[`"] = \S+, [`"]version[`"] = [`"]version[`"] \+ 1$/);
      expect(where).toMatch(/[`"]version[`"] = /);
    });

    it("lets two who write the same row at the same time both succeed", async () => {
      const both = new Latch();
      let begun = 0;
      const attempts: number[] = [];
      const modify = (change: (entity: Post) => void): Promise<Post> =>
        modifyLatest(dataSource, Post, 1, async (entity, { number }) => {
          attempts.push(number);
          if (++begun === 2) both.open();
          // On SQLite they take turns.
          if (database !== "sqlite") await both.opened;
          change(entity);
        });
      await Promise.all([modify((entity) => (entity.views += 1)), modify((entity) => (entity.views += 10))]);
      expect(await post()).toMatchObject({ views: 11, version: 3 });
      expect(attempts.sort()).toEqual(database === "sqlite" ? [1, 1] : [1, 1, 2]);
    });

    it("keeps what somebody has written during a slow job", async () => {
      const mine = await post(1, dataSource.manager);
      const download = new Latch();
      const job = download.opened.then(() =>
        modifyLatest(dataSource, Post, mine.id, (entity) => {
          entity.download = "done";
        }),
      );
      await modifyLatest(other, Post, 1, (entity) => {
        entity.isRead = true;
      });
      download.open();
      expect(await job).toMatchObject({ isRead: true, download: "done", version: 3 });
    });

    it("joins the unit it is in, and there writes what is newer than the snapshot", async () => {
      const unit = runUnitOfWork(dataSource, async (manager, attempt) => {
        await post(1, manager);
        if (database !== "sqlite") await other.manager.increment(Post, { id: 1 }, "views", 1);
        await modifyLatest(dataSource, Post, 1, (entity) => (entity.views += 10), { retries: 0 });
        await manager.update(Post, { id: 2 }, { title: "too" });
        return attempt.number;
      });
      expect(await unit).toBe(1);
      expect(await post()).toMatchObject({ views: database === "sqlite" ? 10 : 11 });
      await expect(
        runUnitOfWork(dataSource, async () => {
          await modifyLatest(dataSource, Post, 1, (entity) => (entity.views = 0));
          throw failure;
        }),
      ).rejects.toBe(failure);
      expect(await post()).toMatchObject({ views: database === "sqlite" ? 10 : 11 });
    });

    it("works inside the work of a serial actor", async () => {
      const actor = createSerialActor(dataSource);
      await Promise.all(
        Array.from({ length: 5 }, () =>
          actor.run(() => modifyLatest(dataSource, Post, 1, (entity) => (entity.views += 1))),
        ),
      );
      expect(await post()).toMatchObject({ views: 5, version: 6 });
    });

    it("ignores what mutate returns, writes nothing when it changes nothing, and rejects with what it throws", async () => {
      const sent = await log.during(async () => {
        const saved = await modifyLatest(dataSource, Post, { id: 1 }, () => ({ id: 2, title: "other" }));
        expect(saved).toMatchObject({ id: 1, title: "first", version: 1 });
        const sync = modifyLatest(dataSource, Post, 1, (entity) => {
          entity.views = 9;
          throw failure;
        });
        await expect(sync).rejects.toBe(failure);
        await expect(modifyLatest(dataSource, Post, 1, () => Promise.reject(failure))).rejects.toBe(failure);
      });
      expect(sent.filter((sql) => sql.startsWith("UPDATE"))).toEqual([]);
    });

    it("is an EntityNotFoundError for a row that is gone or soft-deleted, and does not try again", async () => {
      await other.manager.softDelete(Post, { id: 2 });
      const mutate = jest.fn();
      for (const id of [2, 99]) {
        const sent = await log.during(async () => {
          await expect(modifyLatest(dataSource, Post, id, mutate)).rejects.toBeInstanceOf(
            EntityNotFoundError,
          );
        });
        expect(sent.filter((sql) => sql.startsWith("SELECT"))).toHaveLength(1);
      }
      expect(mutate).not.toHaveBeenCalled();
    });

    it("refuses a key that is not that of one row, before any SQL", async () => {
      const mutate = jest.fn();
      const wrong: unknown[] = [
        undefined,
        null,
        {},
        { title: "first" },
        { id: undefined },
        { id: null },
        [1],
        [],
      ];
      const sent = await log.during(async () => {
        for (const id of [...wrong, MoreThan(0), { id: MoreThan(0) }, { id: In([1, 2]) }]) {
          await expect(modifyLatest(dataSource, Post, id, mutate)).rejects.toThrow(
            /needs the whole key of one row, id,/,
          );
        }
        await expect(modifyLatest(dataSource, Item, { shop: 1 }, mutate)).rejects.toThrow(/shop and code/);
        await expect(modifyLatest(dataSource, Item, 1, mutate)).rejects.toThrow();
        await expect(modifyLatest(dataSource, Author, 1, mutate)).rejects.toMatchObject({
          code: "UNCHECKED_WRITE",
        });
        await expect(modifyLatest(dataSource, Post, 1, "views" as any)).rejects.toThrow(/"mutate"/);
        await expect(modifyLatest(dataSource, Post, 1, mutate, { retries: -1 })).rejects.toThrow(/"retries"/);
      });
      expect(sent).toEqual([]);
      expect(mutate).not.toHaveBeenCalled();
    });

    it("goes by the key alone, whatever else the object has", async () => {
      const saved = await modifyLatest(
        dataSource,
        Post,
        { id: 1, title: "stale" },
        (entity) => (entity.views = 1),
      );
      expect(saved).toMatchObject({ id: 1, title: "first", views: 1 });
    });

    it("writes composite keys, inherited entities and an EntitySchema's", async () => {
      await other.manager.insert(Book, { shop: 1, code: "a", pages: 100 });
      await other.manager.insert(NoteSchema, { id: 1, text: "one" });
      const book = await modifyLatest(dataSource, Item, { shop: 1, code: "a" }, (item) => {
        (item as Book).pages = 101;
      });
      expect(book).toBeInstanceOf(Book);
      expect(await other.manager.findOneBy(Book, { shop: 1 })).toMatchObject({ pages: 101, version: 2 });
      const note = await modifyLatest(dataSource, NoteSchema, 1, (entity) => (entity.text = "two"));
      expect(note).toMatchObject({ id: 1, text: "two", version: 2 });
    });

    it("refuses to write another row than the one that was named", async () => {
      const other = modifyLatest(dataSource, Post, 1, (entity) => (entity.id = 2));
      await expect(other).rejects.toThrow(/The key of a Post was changed/);
      expect(await post(2)).toMatchObject({ title: "second", version: 1 });
    });
  });
});

eachDatabase(
  (scratch) => {
    it("reads on the primary, never on a replica", async () => {
      await scratch().dataSource(entities, { synchronize: true }).initialize();
      const { url } = scratch().dataSource([]).options as { url: string };
      const replica = new URL(url);
      replica.searchParams.set("options", "-c search_path=nowhere");
      const dataSource = scratch().dataSource(entities, {
        replication: { master: { url }, slaves: [{ url: replica.toString() }] },
      });
      await guardDataSource(dataSource).initialize();
      const { manager } = dataSource;
      await manager.insert(Post, { id: 1, title: "first" });
      await expect(manager.findOneBy(Post, { id: 1 })).rejects.toThrow(/does not exist/);
      const latest = await fetchLatest(manager, Object.assign(new Post(), { id: 1 }));
      expect(latest).toMatchObject({ title: "first" });
      expect(await modifyLatest(dataSource, Post, 1, (entity) => (entity.views = 1))).toMatchObject({
        version: 2,
      });
    });
  },
  ["postgres"],
);
