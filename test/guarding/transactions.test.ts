import type { DataSource, EntityManager } from "typeorm";
import { guardDataSource, OptimisticLockError } from "typeorm-concurrency";
import { Article, Section } from "../support/article";
import { eachDatabase, QueryLog } from "../support/databases";

eachDatabase((scratch, database) => {
  const log = new QueryLog();
  let mine: DataSource;
  let theirs: DataSource;

  beforeAll(async () => {
    mine = guardDataSource(
      scratch().dataSource([Article, Section], { synchronize: true, logging: true, logger: log }),
    );
    await mine.initialize();
    theirs = await scratch().dataSource([Article, Section]).initialize();
  });

  beforeEach(async () => {
    await theirs.query("DELETE FROM section");
    await theirs.query("DELETE FROM article");
    await mine.manager.save([1, 2, 3].map((id) => mine.manager.create(Article, { id, title: "first" })));
  });

  const titles = async (): Promise<string[]> =>
    (await theirs.manager.find(Article, { order: { id: "ASC" } })).map(({ title }) => title);
  const articles = (manager: EntityManager): Promise<Article[]> =>
    manager.find(Article, { order: { id: "ASC" } });
  const change = (id: number): Promise<unknown> =>
    theirs.query(`UPDATE article SET title = 'theirs', version = version + 1 WHERE id = ${id}`);
  const refusal = async (work: Promise<unknown>): Promise<OptimisticLockError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptimisticLockError);
    return error as OptimisticLockError;
  };
  const retitle = (loaded: Article[]): Article[] => {
    for (const article of loaded) article.title = "mine";
    return loaded;
  };

  describe("a refused save of several rows leaves nothing behind", () => {
    it.each([{}, { transaction: false }, { chunk: 1 }, { listeners: false, reload: false }])(
      "on its own, with options %j",
      async (options) => {
        const loaded = retitle(await articles(mine.manager));
        await change(2);
        const { conflicts } = await refusal(mine.manager.save(loaded, options));
        expect(conflicts.map(({ id }) => id)).toEqual([{ id: 2 }]);
        expect(await titles()).toEqual(["first", "theirs", "first"]);
        expect(loaded.map(({ version }) => version)).toEqual([1, 1, 1]);
      },
    );

    it("in a transaction that its caller goes on to commit, which keeps what else was done there", async () => {
      const loaded = retitle(await articles(mine.manager));
      await change(2);
      await mine.transaction(async (manager) => {
        await manager.insert(Article, { id: 4, title: "before" });
        await refusal(manager.save(loaded));
        await manager.insert(Article, { id: 5, title: "after" });
      });
      expect(await titles()).toEqual(["first", "theirs", "first", "before", "after"]);
      expect(loaded.map(({ version }) => version)).toEqual([1, 1, 1]);
    });

    it("when it is a remove", async () => {
      const loaded = await articles(mine.manager);
      await change(2);
      await mine.transaction(async (manager) => {
        const { conflicts } = await refusal(manager.remove(loaded));
        expect(conflicts).toMatchObject([{ id: { id: 2 }, operation: "remove", reason: "modified" }]);
      });
      expect(await titles()).toEqual(["first", "theirs", "first"]);
      expect(loaded.map(({ id }) => id)).toEqual([1, 2, 3]);
    });

    it("when it inserts, updates and cascades", async () => {
      const [first, second] = retitle(await articles(mine.manager)) as [Article, Article];
      first.sections = [mine.manager.create(Section, { id: 11, text: "new" })];
      await change(2);
      await mine.transaction(async (manager) => {
        await refusal(manager.save([first, second]));
      });
      expect(await titles()).toEqual(["first", "theirs", "first"]);
      expect(await theirs.manager.count(Section)).toBe(0);
    });

    it("also what a subscriber wrote in its course", async () => {
      const subscriber = {
        listenTo: () => Article,
        beforeUpdate: (event: { manager: EntityManager }) =>
          event.manager.insert(Section, { id: 99, text: "written by a subscriber" }),
      };
      mine.subscribers.push(subscriber as never);
      try {
        const [first] = retitle(await articles(mine.manager)) as [Article];
        await change(1);
        await mine.transaction(async (manager) => {
          await refusal(manager.save(first));
        });
        expect(await theirs.manager.count(Section)).toBe(0);
      } finally {
        mine.subscribers.splice(mine.subscribers.indexOf(subscriber as never), 1);
      }
    });
  });

  it("reports every conflict of a list, modified and deleted, and leaves out what is not one", async () => {
    await mine.manager.save([4, 5, 6, 7].map((id) => mine.manager.create(Article, { id, title: "first" })));
    const loaded = retitle(await articles(mine.manager));
    (loaded[6] as Article).title = "first";
    await change(2);
    await change(4);
    await change(7);
    await theirs.query("DELETE FROM article WHERE id = 5");
    const { conflicts, message } = await refusal(mine.manager.save(loaded));
    expect(conflicts.map(({ id, reason }) => [id["id"] as unknown, reason])).toEqual([
      [2, "modified"],
      [4, "modified"],
      [5, "deleted"],
    ]);
    expect(message).toContain("Article {id: 5} has been deleted");
  });

  it("reports the rows of a list to remove that are gone, and deletes none of it", async () => {
    const loaded = await articles(mine.manager);
    await theirs.query("DELETE FROM article WHERE id = 1");
    const { conflicts } = await refusal(mine.manager.remove(loaded));
    expect(conflicts).toMatchObject([{ id: { id: 1 }, reason: "deleted", operation: "remove" }]);
    expect(await titles()).toEqual(["first", "first"]);
  });

  it("removes the same object named twice once", async () => {
    const [first] = await articles(mine.manager);
    await mine.manager.remove([first, first]);
    expect(await titles()).toEqual(["first", "first"]);
  });

  it("removes more rows at once than SQLite takes in a chain of conditions", async () => {
    for (const start of [100, 500, 900]) {
      const chunk = Array.from({ length: 400 }, (_, index) => ({ id: start + index, title: "many" }));
      await mine.manager.insert(Article, chunk);
    }
    const many = await mine.manager.findBy(Article, { title: "many" });
    await change(700);
    const { conflicts } = await refusal(mine.manager.remove(many));
    expect(conflicts.map(({ id }) => id)).toEqual([{ id: 700 }]);
    await mine.manager.remove(many.filter(({ id }) => id !== 700));
    expect(await theirs.manager.countBy(Article, { title: "many" })).toBe(0);
  });

  it("lets saves of one transaction run at the same time, refusing only the stale one", async () => {
    const loaded = retitle(await articles(mine.manager));
    await change(2);
    await mine.transaction(async (manager) => {
      const outcomes = await Promise.allSettled(
        loaded.map((article, index) =>
          manager.save([article, manager.create(Article, { id: 10 + index, title: "new" })]),
        ),
      );
      expect(outcomes.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    });
    expect(await titles()).toEqual(["mine", "theirs", "mine", "new", "new"]);
  });

  describe("tokens in memory after a rollback", () => {
    class Rollback extends Error {}
    const rolledBack = (work: (manager: EntityManager) => Promise<unknown>): Promise<void> =>
      mine
        .transaction(async (manager) => {
          await work(manager);
          throw new Rollback();
        })
        .catch((error: unknown) => {
          if (!(error instanceof Rollback)) throw error;
        });

    it("are those from before it, so that the save can be repeated", async () => {
      const [first] = retitle(await articles(mine.manager)) as [Article];
      await rolledBack(async (manager) => {
        await manager.save(first);
        first.views = 5;
        await manager.save(first);
        expect(first.version).toBe(3);
      });
      expect(first.version).toBe(1);
      await mine.manager.save(first);
      expect(await theirs.manager.findOneBy(Article, { id: 1 })).toMatchObject({
        title: "mine",
        views: 5,
        version: 2,
      });
    });

    it("are those from before a savepoint that was rolled back, and those of the row once all is done", async () => {
      const [first] = retitle(await articles(mine.manager)) as [Article];
      await mine.transaction(async (manager) => {
        await manager.save(first);
        expect(first.version).toBe(2);
        await manager
          .transaction(async (nested) => {
            first.views = 9;
            await nested.save(first);
            expect(first.version).toBe(3);
            throw new Rollback();
          })
          .catch(() => undefined);
        expect(first.version).toBe(2);
        await manager.transaction(async (nested) => {
          first.views = 7;
          await nested.save(first);
        });
      });
      expect(first.version).toBe(3);
      expect(await theirs.manager.findOneBy(Article, { id: 1 })).toMatchObject({ views: 7, version: 3 });
    });

    it("are those from before the outer transaction when a released savepoint is rolled back with it", async () => {
      const [first] = retitle(await articles(mine.manager)) as [Article];
      await rolledBack((manager) => manager.transaction((nested) => nested.save(first)));
      expect(first.version).toBe(1);
    });

    it("are gone again from an entity whose insert was rolled back, which is then inserted again", async () => {
      const fresh = mine.manager.create(Article, { id: 9, title: "new" });
      await rolledBack((manager) => manager.save(fresh));
      expect(fresh.version).toBeUndefined();
      await mine.manager.save(fresh);
      expect(await theirs.manager.findOneBy(Article, { id: 9 })).toMatchObject({ title: "new", version: 1 });
    });

    it("are as before also with a query runner of the caller's own", async () => {
      const [first] = retitle(await articles(mine.manager)) as [Article];
      const queryRunner = mine.createQueryRunner();
      await queryRunner.startTransaction();
      await queryRunner.manager.save(first);
      await queryRunner.rollbackTransaction();
      await queryRunner.release();
      expect(first.version).toBe(1);
    });
  });

  it("needs a savepoint only for a save of several statements in the caller's transaction", async () => {
    const [first, second] = retitle(await articles(mine.manager)) as [Article, Article];
    const savepoints = (statements: string[]): number =>
      statements.filter((sql) => /savepoint/i.test(sql)).length;
    await mine.transaction(async (manager) => {
      expect(savepoints(await log.during(() => manager.save(first)))).toBe(0);
      first.views = 2;
      expect(savepoints(await log.during(() => manager.save([first, second])))).toBe(2);
      expect(savepoints(await log.during(() => manager.save([first, second])))).toBe(0);
    });
  });

  if (database !== "sqlite") {
    it("is refused in a transaction whose snapshot is older than the other's write", async () => {
      await mine
        .transaction("REPEATABLE READ", async (manager) => {
          const [first] = retitle(await articles(manager)) as [Article];
          await change(1);
          const error: unknown = await manager.save(first).catch((reason: unknown) => reason);
          // PostgreSQL answers with a serialization failure of its own, which aborts the transaction.
          if (database === "postgres") expect(error).toMatchObject({ code: "40001" });
          else {
            expect(error).toBeInstanceOf(OptimisticLockError);
            expect((error as OptimisticLockError).conflicts[0]).toMatchObject({ actual: { version: 2 } });
          }
        })
        .catch((error: unknown) => {
          if (database !== "postgres") throw error;
        });
      expect((await titles())[0]).toBe("theirs");
    });
  }
});
