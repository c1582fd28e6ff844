import type { DataSource } from "typeorm";
import { guardDataSource, isMissingTokenError, OptimisticLockError } from "typeorm-concurrency";
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

  let article: Article;
  beforeEach(async () => {
    await theirs.query("DELETE FROM section");
    await theirs.query("DELETE FROM article");
    await mine.manager.insert(Article, { id: 1, title: "first", views: 0 });
    article = await mine.manager.findOneByOrFail(Article, { id: 1 });
  });

  const row = (): Promise<Article> =>
    theirs.manager.findOneOrFail(Article, { where: { id: 1 }, withDeleted: true });
  const change = (set = "title = 'theirs'"): Promise<unknown> =>
    theirs.query(`UPDATE article SET ${set}, version = version + 1 WHERE id = 1`);
  const refusal = async (work: Promise<unknown>): Promise<OptimisticLockError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptimisticLockError);
    return error as OptimisticLockError;
  };

  describe("a save that goes through", () => {
    it.each([{}, { reload: false }, { listeners: false }, { transaction: false }, { chunk: 1 }])(
      "leaves the row's version in the entity, with options %j, time after time",
      async (options) => {
        for (const version of [2, 3, 4]) {
          article.views += 1;
          await mine.manager.save(article, options);
          expect(article.version).toBe(version);
          expect(await row()).toMatchObject({ version, views: version - 1 });
        }
      },
    );

    it("writes only what its own caller has changed", async () => {
      article.views = 7;
      const statements = await log.during(() => mine.manager.save(article));
      const update = statements.filter((statement) => statement.startsWith("UPDATE"));
      expect(update).toHaveLength(1);
      expect(update[0]).not.toContain("title");
    });

    it("gives a new entity its version, also with reload off", async () => {
      const fresh = await mine.manager.save(mine.manager.create(Article, { id: 2, title: "new" }), {
        reload: false,
      });
      expect(fresh.version).toBe(1);
      fresh.title = "newer";
      await mine.manager.save(fresh);
      expect(fresh.version).toBe(2);
    });

    it("counts an edit that was made while the save was under way as not yet saved", async () => {
      article.title = "saved";
      const saving = mine.manager.save(article);
      await Promise.resolve();
      await Promise.resolve();
      await Promise.resolve();
      article.views = 99;
      await saving;
      await mine.manager.save(article);
      expect(await row()).toMatchObject({ title: "saved", views: 99 });
    });

    it("saves the same entity from both ends of a list", async () => {
      article.title = "twice";
      await mine.manager.save([article, article]);
      expect(await row()).toMatchObject({ title: "twice", version: article.version });
    });
  });

  describe("an unchanged entity", () => {
    it("is no write and no conflict, however stale", async () => {
      await change();
      const statements = await log.during(() => mine.manager.save(article));
      expect(statements.filter((statement) => !statement.startsWith("SELECT"))).toEqual([]);
      expect(await row()).toMatchObject({ title: "theirs", version: 2 });
      expect(article.version).toBe(1);
    });

    it("whose version alone was edited is no write, but the version is then expected", async () => {
      article.version = 5;
      const statements = await log.during(() => mine.manager.save(article));
      expect(statements.filter((statement) => !statement.startsWith("SELECT"))).toEqual([]);
      article.title = "mine";
      const { conflicts } = await refusal(mine.manager.save(article));
      expect(conflicts[0]).toMatchObject({ expected: { version: 5 }, actual: { version: 1 } });
      article.version = 1;
      await mine.manager.save(article);
      expect(await row()).toMatchObject({ title: "mine", version: 2 });
    });

    it("whose row was deleted is refused rather than inserted again", async () => {
      await theirs.query("DELETE FROM article");
      const { conflicts } = await refusal(mine.manager.save(article));
      expect(conflicts).toMatchObject([{ reason: "deleted", id: { id: 1 }, actual: null }]);
      expect(await theirs.manager.count(Article)).toBe(0);
    });
  });

  describe("a refused save", () => {
    it("says what was expected, what is there, and which object was refused", async () => {
      await change();
      article.title = "mine";
      const error = await refusal(mine.manager.save(article));
      expect(error.retryable).toBe(true);
      expect(error.conflicts).toEqual([
        {
          entityName: "Article",
          target: Article,
          id: { id: 1 },
          operation: "update",
          reason: "modified",
          expectedBy: "load",
          expected: { version: 1 },
          actual: { version: 2 },
          entity: article,
        },
      ]);
      expect(error.conflicts[0]?.entity).toBe(article);
      expect(article).toMatchObject({ title: "mine", version: 1 });
      expect(error.message).toContain("Article {id: 1}");
      expect(error.message).toContain("expected version 1");
      expect(error.message).toContain("now holds version 2");
      expect(error.message).not.toContain("theirs");
    });

    it("can be repeated and is refused again, until the entity is loaded anew", async () => {
      await change();
      article.title = "mine";
      await refusal(mine.manager.save(article));
      await refusal(mine.manager.save(article));
      const again = await mine.manager.findOneByOrFail(Article, { id: 1 });
      again.title = "mine";
      await mine.manager.save(again);
      expect(await row()).toMatchObject({ title: "mine", version: 3 });
    });

    it("goes through once an Active Record has reloaded itself", async () => {
      Article.useDataSource(mine);
      await change("title = 'theirs', views = 3");
      article.title = "mine";
      await refusal(article.save());
      await article.reload();
      expect(article).toMatchObject({ title: "theirs", version: 2 });
      expect(await log.during(() => article.save())).toHaveLength(1);
      article.title = "mine";
      await article.save();
      expect(await row()).toMatchObject({ title: "mine", views: 3, version: 3 });
    });

    it("keeps the version of the client that preload was given", async () => {
      await change();
      const preloaded = await mine.manager.preload(Article, { id: 1, title: "mine", version: 1 });
      const { conflicts } = await refusal(mine.manager.save(preloaded as Article));
      expect(conflicts[0]).toMatchObject({ expected: { version: 1 }, actual: { version: 2 } });
    });
  });

  describe("an object that was never loaded", () => {
    it("is inserted when there is no such row", async () => {
      await mine.manager.save(Article, { id: 7, title: "seven" });
      expect(await theirs.manager.countBy(Article, { id: 7 })).toBe(1);
    });

    it("is checked by the version it carries, as a number or as the text of a form", async () => {
      await mine.manager.save(Article, { id: 1, title: "form", version: "1" as unknown as number });
      expect(await row()).toMatchObject({ title: "form", version: 2 });
      await refusal(mine.manager.save(Article, { id: 1, title: "stale form", version: 1 }));
    });

    it("with a version is not inserted when its row is gone", async () => {
      await theirs.query("DELETE FROM article");
      const { conflicts } = await refusal(mine.manager.save(Article, { id: 1, title: "form", version: 1 }));
      expect(conflicts).toMatchObject([{ reason: "deleted" }]);
    });

    it("with null for its version never passes", async () => {
      await refusal(mine.manager.save(Article, { id: 1, title: "form", version: null as unknown as number }));
    });
  });

  describe("a token that was never loaded", () => {
    const partial = (): Promise<Article> =>
      mine.manager.findOneOrFail(Article, { select: { id: true, title: true }, where: { id: 1 } });

    it.each(["save", "remove", "softRemove", "recover"] as const)(
      "makes %s fail before any SQL",
      async (method) => {
        const loaded = await partial();
        loaded.title = "mine";
        const statements = await log.during(async () => {
          const error: unknown = await (mine.manager[method] as (entity: Article) => Promise<unknown>)(
            loaded,
          ).catch((reason: unknown) => reason);
          expect(isMissingTokenError(error) ? error.missing : error).toEqual(["version"]);
        });
        expect(statements).toEqual([]);
        expect(await row()).toMatchObject({ title: "first", version: 1 });
      },
    );

    it("does not matter while the entity is unchanged", async () => {
      await mine.manager.save(await partial());
    });

    it("is an error for a plain object as soon as its row turns out to exist, before anything is written", async () => {
      const statements = await log.during(async () => {
        const error: unknown = await mine.manager
          .save(Article, { id: 1, title: "mine" })
          .catch((e: unknown) => e);
        expect(isMissingTokenError(error)).toBe(true);
      });
      expect(statements.filter((statement) => !statement.startsWith("SELECT"))).toEqual([]);
    });

    it("can be supplied by the caller", async () => {
      const loaded = await partial();
      loaded.title = "mine";
      loaded.version = 1;
      await mine.manager.save(loaded);
      expect(await row()).toMatchObject({ title: "mine", version: 2 });
    });

    it("does not let a second save wipe nullable columns that were not loaded", async () => {
      await theirs.query(`UPDATE article SET ${quoted("deletedAt")} = '2020-01-01 00:00:00'`);
      const loaded = await mine.manager.findOneOrFail(Article, {
        select: { id: true, title: true, version: true },
        where: { id: 1 },
        withDeleted: true,
      });
      for (const title of ["one", "two"]) {
        loaded.title = title;
        await mine.manager.save(loaded);
      }
      expect((await row()).deletedAt).toBeInstanceOf(Date);
    });
  });

  const quoted = (name: string): string => (database === "mariadb" ? `\`${name}\`` : `"${name}"`);
});
