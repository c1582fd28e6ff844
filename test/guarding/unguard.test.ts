import type { EventEmitter } from "node:events";
import type { DataSource } from "typeorm";
import {
  guardDataSource,
  isOptimisticLockError,
  isUncheckedWriteError,
  runUnitOfWork,
  unguardDataSource,
} from "typeorm-concurrency";
import { Article, Section } from "../support/article";
import { eachDatabase } from "../support/databases";

eachDatabase((scratch) => {
  const opened: DataSource[] = [];
  const open = (): DataSource => {
    const dataSource = scratch().dataSource([Article, Section]);
    opened.push(dataSource);
    return dataSource;
  };
  beforeAll(async () => {
    await scratch().dataSource([Article, Section], { synchronize: true }).initialize();
  });
  afterEach(async () => {
    for (const dataSource of opened.splice(0)) {
      unguardDataSource(dataSource);
      if (dataSource.isInitialized) await dataSource.destroy();
    }
  });

  /** Whether a stale save through the DataSource is refused. */
  const refuses = async (dataSource: DataSource): Promise<boolean> => {
    const { manager } = dataSource;
    await manager.query("DELETE FROM article");
    await manager.insert(Article, { id: 1, title: "first" });
    const stale = await manager.findOneByOrFail(Article, { id: 1 });
    await manager.update(Article, 1, { title: "theirs" });
    stale.title = "mine";
    const error: unknown = await manager.save(stale).then(
      () => undefined,
      (reason: unknown) => reason,
    );
    if (error !== undefined && !isOptimisticLockError(error)) throw error;
    return error !== undefined;
  };

  it("guards before or after initialize, and again after destroy and initialize", async () => {
    const before = open();
    expect(guardDataSource(before)).toBe(before);
    await before.initialize();
    expect(await refuses(before)).toBe(true);
    await before.destroy();
    await before.initialize();
    expect(await refuses(before)).toBe(true);
    const after = await open().initialize();
    expect(await refuses(after)).toBe(false);
    guardDataSource(after);
    expect(await refuses(after)).toBe(true);
  });

  it("guards once however often it is called, and unguards with one call", async () => {
    const dataSource = await open().initialize();
    guardDataSource(guardDataSource(dataSource));
    unguardDataSource(dataSource);
    expect(await refuses(dataSource)).toBe(false);
    unguardDataSource(dataSource);
    guardDataSource(dataSource);
    expect(await refuses(dataSource)).toBe(true);
  });

  it("puts back everything that it changed", async () => {
    const dataSource = await open().initialize();
    const shape = (): unknown =>
      [dataSource, dataSource.manager, Article.prototype, Section.prototype].map((object) =>
        Object.entries(Object.getOwnPropertyDescriptors(object)).map(([name, { value }]) => [
          name,
          typeof value === "function" ? (value as unknown) : undefined,
        ]),
      );
    const before = shape();
    const subscribers = [...dataSource.subscribers];
    guardDataSource(dataSource);
    expect(shape()).not.toEqual(before);
    unguardDataSource(dataSource);
    expect(shape()).toEqual(before);
    expect(dataSource.subscribers).toEqual(subscribers);
  });

  it("leaves no timer and no listener behind", async () => {
    const dataSource = await open().initialize();
    const { master } = dataSource.driver as { readonly master?: EventEmitter };
    const timers = (): number =>
      process.getActiveResourcesInfo().filter((resource) => resource === "Timeout").length;
    const left = (): unknown => ({
      subscribers: dataSource.subscribers.length,
      ofPool: master?.eventNames?.().map((name) => [name, master.listenerCount(name)]),
      ofProcess: process.eventNames().map((name) => [name, process.listenerCount(name as never)]),
    });
    await dataSource.manager.query("DELETE FROM article");
    const [before, timersBefore] = [left(), timers()];
    guardDataSource(dataSource);
    expect(dataSource.subscribers.length).toBeGreaterThan(0);
    await dataSource.manager.insert(
      Article,
      [1, 2].map((id) => ({ id, title: "first" })),
    );
    const articles = await dataSource.manager.find(Article);
    for (const article of articles) article.title = "second";
    await dataSource.manager.save(articles);
    await runUnitOfWork(dataSource, (manager) => manager.remove(articles));
    unguardDataSource(dataSource);
    expect(left()).toEqual(before);
    expect(timers()).toBeLessThanOrEqual(timersBefore);
  });

  it("goes on although somebody gives the DataSource another list of subscribers", async () => {
    const dataSource = guardDataSource(await open().initialize());
    Object.assign(dataSource, { subscribers: [] });
    expect(await refuses(dataSource)).toBe(true);
    const article = await dataSource.manager.findOneByOrFail(Article, { id: 1 });
    const version = article.version;
    const rolledBack = dataSource.transaction(async (manager) => {
      await manager.save(Object.assign(article, { title: "undone" }));
      throw new Error("rolled back");
    });
    await expect(rolledBack).rejects.toThrow("rolled back");
    expect(article.version).toBe(version);
    unguardDataSource(dataSource);
    expect(dataSource.subscribers).toEqual([]);
  });

  it("lets managers and repositories that outlive it through", async () => {
    const dataSource = guardDataSource(await open().initialize());
    const manager = dataSource.createEntityManager();
    const repository = manager.getRepository(Article);
    await dataSource.query("DELETE FROM article");
    await repository.insert({ id: 1, title: "first" });
    const stale = await repository.findOneByOrFail({ id: 1 });
    await repository.update(1, { title: "theirs" });
    unguardDataSource(dataSource);
    await repository.save(Object.assign(stale, { title: "mine" }));
    expect((await repository.findOneByOrFail({ id: 1 })).title).toBe("mine");
  });

  it("does not touch a second DataSource, made before or after", async () => {
    const earlier = await open().initialize();
    const guarded = guardDataSource(open());
    await guarded.initialize();
    const later = await open().initialize();
    expect([await refuses(earlier), await refuses(guarded), await refuses(later)]).toEqual([
      false,
      true,
      false,
    ]);
    const alsoGuarded = await guardDataSource(open()).initialize();
    unguardDataSource(guarded);
    expect([await refuses(guarded), await refuses(alsoGuarded)]).toEqual([false, true]);
  });

  it("refuses what a manager that is older than the guard would save unseen", async () => {
    const dataSource = await open().initialize();
    const older = dataSource.createEntityManager();
    guardDataSource(dataSource);
    await older.query("DELETE FROM article");
    await older.insert(Article, { id: 1, title: "first" });
    const article = await older.findOneByOrFail(Article, { id: 1 });
    article.title = "unseen";
    const error: unknown = await older.save(article).catch((reason: unknown) => reason);
    expect(isUncheckedWriteError(error)).toBe(true);
    expect((await older.findOneByOrFail(Article, { id: 1 })).title).toBe("first");
  });
});
