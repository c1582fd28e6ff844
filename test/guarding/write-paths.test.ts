import type { DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, type Conflict } from "typeorm-concurrency";
import { type writePaths } from "../../src/guarding/write-paths";
import { Article, ArticleSchema, Section, SectionSchema, type ArticleRow } from "../support/article";
import { eachDatabase } from "../support/databases";
import { doorways, type Articles, type Doorway } from "../support/doorways";

/** What two people do to the article with id 1, or to it and others. */
interface Scenario {
  /** Reads what will be stale. */
  readonly read: (articles: Articles) => Promise<unknown>;
  /** What the other writer does meanwhile; by default it changes the articles and their sections. */
  readonly meanwhile?: readonly string[];
  /** The stale write. */
  readonly write: (articles: Articles, stale: never) => Promise<unknown>;
  /** Ids and reasons of the conflicts it meets. */
  readonly conflicts: readonly (readonly [entity: "article" | "section", id: number, Conflict["reason"]])[];
}

type CheckedPath = {
  [K in keyof typeof writePaths]: (typeof writePaths)[K]["guard"] extends "check" ? K : never;
}[keyof typeof writePaths];
type RaisedPath = {
  [K in keyof typeof writePaths]: (typeof writePaths)[K]["guard"] extends "raise" ? K : never;
}[keyof typeof writePaths];

const retitled = <T>(article: T): T => Object.assign(article as object, { title: "mine" }) as T;
const one: readonly (readonly ["article", number, "modified"])[] = [["article", 1, "modified"]];
const saveWith = (options: object): Scenario => ({
  read: (articles) => articles.find(1),
  write: (articles, stale: ArticleRow) => articles.save(retitled(stale), options),
  conflicts: one,
});
const bothArticles = async (articles: Articles): Promise<ArticleRow[]> => [
  await articles.find(1),
  await articles.find(2),
];
// Without sections, whose foreign keys would keep bare TypeORM from removing them.
const bareArticles = async (articles: Articles): Promise<ArticleRow[]> => [
  await articles.find(2),
  await articles.find(4),
];

const checked: Record<CheckedPath, Scenario> = {
  save: saveWith({}),
  saveWithoutListeners: saveWith({ listeners: false }),
  saveWithoutTransaction: saveWith({ transaction: false }),
  saveWithoutReload: saveWith({ reload: false }),
  saveInChunks: {
    read: bothArticles,
    write: (articles, stale: ArticleRow[]) => articles.save(stale.map(retitled), { chunk: 1 }),
    conflicts: [...one, ["article", 2, "modified"]],
  },
  saveList: {
    read: bothArticles,
    write: (articles, stale: ArticleRow[]) => articles.save(stale.map(retitled)),
    conflicts: [...one, ["article", 2, "modified"]],
  },
  saveByCascade: {
    read: (articles) => articles.find(1, true),
    write: (articles, stale: ArticleRow) => {
      for (const section of stale.sections) section.text = "mine";
      return articles.save(stale);
    },
    conflicts: [
      ["section", 11, "modified"],
      ["section", 12, "modified"],
    ],
  },
  saveDeleted: {
    read: (articles) => articles.find(1),
    meanwhile: ["DELETE FROM section", "DELETE FROM article"],
    write: (articles, stale: ArticleRow) => articles.save(retitled(stale)),
    conflicts: [["article", 1, "deleted"]],
  },
  savePlainObject: {
    read: async (articles) => {
      const { id, version } = await articles.find(1);
      return { id, version, title: "mine" };
    },
    write: (articles, stale: object) => articles.save(stale),
    conflicts: one,
  },
  remove: {
    read: (articles) => articles.find(2),
    write: (articles, stale) => articles.remove(stale),
    conflicts: [["article", 2, "modified"]],
  },
  removeList: {
    read: bareArticles,
    write: (articles, stale) => articles.remove(stale),
    conflicts: [
      ["article", 2, "modified"],
      ["article", 4, "modified"],
    ],
  },
  removeByCascade: {
    read: (articles) => articles.find(1, true),
    meanwhile: ["UPDATE section SET text = 'theirs', version = version + 1"],
    write: (articles, stale) => articles.remove(stale),
    conflicts: [
      ["section", 11, "modified"],
      ["section", 12, "modified"],
    ],
  },
  softRemove: {
    read: (articles) => articles.find(1),
    write: (articles, stale) => articles.softRemove(stale),
    conflicts: one,
  },
  recover: {
    read: (articles) => articles.find(3),
    write: (articles, stale) => articles.recover(stale),
    conflicts: [["article", 3, "modified"]],
  },
};

const raised: Record<RaisedPath, (articles: Articles) => Promise<unknown>> = {
  update: (articles) => articles.update(1, { title: "theirs", version: 1 }),
  increment: (articles) => articles.increment(1),
  softDelete: (articles) => articles.softDelete(1),
  restore: async (articles) => {
    await articles.softDelete(1);
    await articles.restore(1);
  },
  updateBuilder: (articles) => articles.updateByBuilder(1, { title: "theirs", version: 1 }),
  upsert: (articles) => articles.upsert({ id: 1, title: "theirs", version: 1 }),
};

const entities = [Article, Section, ArticleSchema, SectionSchema];

eachDatabase((scratch, database) => {
  let guarded: DataSource;
  let rooted: DataSource;
  let bare: DataSource;
  let observer: DataSource;

  beforeAll(async () => {
    const schema = await scratch().dataSource([Article, Section], { synchronize: true }).initialize();
    await schema.destroy();
    guarded = await guardDataSource(scratch().dataSource(entities)).initialize();
    rooted = await guardDataSource(scratch().dataSource(entities), {
      entities: new Map(
        [Article, ArticleSchema].map((target) => [target, { versionedRelations: ["sections"] }]),
      ),
    }).initialize();
    bare = await scratch().dataSource(entities).initialize();
    observer = await scratch().dataSource(entities).initialize();
  });

  beforeEach(async () => {
    await observer.query("DELETE FROM section");
    await observer.query("DELETE FROM article");
    for (const statement of rows(database)) await observer.query(statement);
  });

  const state = async (): Promise<string> => {
    const articles: unknown = await observer.query("SELECT * FROM article ORDER BY id");
    return JSON.stringify([articles, await observer.query("SELECT * FROM section ORDER BY id")]);
  };

  /** Reads through `dataSource`, lets the other writer in, writes; resolves to what that led to. */
  async function race(
    dataSource: DataSource,
    doorway: Doorway,
    scenario: Scenario,
  ): Promise<{ error: unknown; theirs: string }> {
    // The read is outside the write's transaction: SQLite would not let the other writer in.
    const stale = await doorway.enter(dataSource, (articles) => scenario.read(articles));
    for (const statement of scenario.meanwhile ?? theirChange) await observer.query(statement);
    const theirs = await state();
    const error: unknown = await doorway
      .enter(dataSource, (articles) => scenario.write(articles, stale as never))
      .then(
        () => undefined,
        (reason: unknown) => reason,
      );
    return { error, theirs };
  }

  describe.each(doorways)("through $name", (doorway) => {
    it.each(Object.entries(checked))(
      "refuses a stale %s, and bare TypeORM does not",
      async (path, scenario) => {
        const withGuard = await race(guarded, doorway, scenario);
        expect(isOptimisticLockError(withGuard.error) ? "refused" : withGuard.error).toBe("refused");
        const { conflicts } = withGuard.error as { conflicts: readonly Conflict[] };
        const met = conflicts.map(({ entityName, id, reason }) => [
          entityName.replace("Schema", "").toLowerCase(),
          id["id"] as unknown,
          reason,
        ]);
        expect(met).toHaveLength(scenario.conflicts.length);
        // Members are loaded in whatever order the database gives them.
        expect(new Set(met)).toEqual(new Set(scenario.conflicts));
        expect(await state()).toBe(withGuard.theirs);

        await observer.query("DELETE FROM section");
        await observer.query("DELETE FROM article");
        for (const statement of rows(database)) await observer.query(statement);
        const without = await race(bare, doorway, scenario);
        expect([path, without.error]).toEqual([path, undefined]);
        expect(await state()).not.toBe(without.theirs);
      },
    );

    it("raises an aggregate root whose members change, and refuses it when it is stale", async () => {
      const read = (): Promise<ArticleRow> => doorway.enter(rooted, (articles) => articles.find(1, true));
      const [fresh, stale] = [await read(), await read()];
      for (const article of [fresh, stale]) for (const section of article.sections) section.text = "mine";
      await doorway.enter(rooted, (articles) => articles.save(fresh));
      expect(fresh.version).toBe(2);
      const before = await state();
      const error: unknown = await doorway
        .enter(rooted, (articles) => articles.save(stale))
        .catch((reason: unknown) => reason);
      expect(error).toMatchObject({
        conflicts: expect.arrayContaining([
          expect.objectContaining({ id: { id: 1 }, expected: { version: 1 }, actual: { version: 2 } }),
        ]),
      });
      expect(await state()).toBe(before);
    });

    it.each(Object.entries(raised))(
      "raises the version in %s, so that a stale save is refused",
      async (_path, write) => {
        const stale = retitled(await doorway.enter(guarded, (articles) => articles.find(1)));
        await doorway.enter(guarded, write);
        const current = await doorway.enter(guarded, (articles) => articles.find(1));
        expect(current.version).toBeGreaterThan(1);
        const error: unknown = await doorway
          .enter(guarded, (articles) => articles.save(stale))
          .catch((reason: unknown) => reason);
        expect(isOptimisticLockError(error)).toBe(true);
        expect((await doorway.enter(guarded, (articles) => articles.find(1))).version).toBe(current.version);
      },
    );
  });
});

const theirChange = [
  "UPDATE article SET title = 'theirs', version = version + 1",
  "UPDATE section SET text = 'theirs', version = version + 1",
];

function rows(database: string): string[] {
  const quote = database === "mariadb" ? "`" : '"';
  const article = `article (id, title, views, version, ${quote}deletedAt${quote})`;
  const section = `section (id, text, version, ${quote}articleId${quote})`;
  return [
    `INSERT INTO ${article} VALUES (1, 'read', 0, 1, NULL), (2, 'read', 0, 1, NULL), (3, 'read', 0, 1, '2020-01-01 00:00:00'), (4, 'read', 0, 1, NULL)`,
    `INSERT INTO ${section} VALUES (11, 'read', 1, 1), (12, 'read', 1, 1)`,
  ];
}
