import {
  Column,
  DataSource,
  Entity,
  EntitySchema,
  PrimaryColumn,
  VersionColumn,
  type DataSourceOptions,
} from "typeorm";
import {
  ConcurrencyToken,
  guardDataSource,
  isGuardConfigurationError,
  isMissingTokenError,
  isOptimisticLockError,
  RowVersion,
  type GuardOptions,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

const entity = (declare: (prototype: object) => void): new () => { id: number; note: string } => {
  @Entity("subject")
  class Subject {
    @PrimaryColumn("int") id: number;
    @Column({ default: "" }) note: string;
  }
  declare(Subject.prototype);
  return Subject;
};
const declare =
  (...decorators: readonly (readonly [string, ...PropertyDecorator[]])[]) =>
  (prototype: object): void => {
    for (const [property, ...own] of decorators) for (const decorator of own) decorator(prototype, property);
  };

const mistakes: readonly (readonly [string, ReturnType<typeof declare>, RegExp])[] = [
  [
    "two row versions",
    declare(["a", RowVersion()], ["b", VersionColumn()]),
    /Subject declares 2 row versions, a and b/,
  ],
  [
    "a token that is not loaded",
    declare(["a", ConcurrencyToken(), Column("int", { select: false })]),
    /Subject\.a .*select: false/,
  ],
  [
    "a row version that is not loaded",
    declare(["a", VersionColumn({ select: false })]),
    /Subject\.a .*select: false/,
  ],
  ["a token that is no column", declare(["a", ConcurrencyToken()]), /Subject\.a .*not a column.*id, note/],
  [
    "a row version that is a token too",
    declare(["a", RowVersion(), ConcurrencyToken()]),
    /Subject\.a is both the row version and a concurrency token/,
  ],
];

eachDatabase((scratch) => {
  it.each(mistakes)(
    "names %s when the DataSource is initialized or guarded",
    async (_name, decorate, message) => {
      const Subject = entity(decorate);
      const before = guardDataSource(scratch().dataSource([Subject]));
      const atInitialize: unknown = await before.initialize().catch((reason: unknown) => reason);
      expect(isGuardConfigurationError(atInitialize)).toBe(true);
      expect(String(atInitialize)).toMatch(message);
      expect(before.isInitialized).toBe(false);
      const after = await scratch().dataSource([Subject]).initialize();
      expect(() => guardDataSource(after)).toThrow(message);
    },
  );

  it("guards declarations of an EntitySchema and of classes without decorators", async () => {
    interface Row {
      id: number;
      stock: number;
    }
    const Schema = new EntitySchema<Row>({
      name: "Shelf",
      columns: { id: { type: "int", primary: true }, stock: { type: "int" } },
    });
    const options: GuardOptions = { entities: new Map([[Schema, { concurrencyTokens: ["stock"] }]]) };
    const mine = guardDataSource(scratch().dataSource([Schema], { synchronize: true }), options);
    await mine.initialize();
    const shelves = mine.getRepository(Schema);
    await shelves.save({ id: 1, stock: 5 });
    const [first, second] = [
      await shelves.findOneByOrFail({ id: 1 }),
      await shelves.findOneByOrFail({ id: 1 }),
    ];
    await shelves.save(Object.assign(first, { stock: 4 }));
    const error: unknown = await shelves
      .save(Object.assign(second, { stock: 4 }))
      .catch((reason: unknown) => reason);
    expect(isOptimisticLockError(error) && error.conflicts[0]?.expected).toEqual({ stock: 5 });
  });

  it("leaves entities with @VersionColumn alone when told to", async () => {
    const Plain = entity(declare(["version", VersionColumn()]));
    const mine = guardDataSource(scratch().dataSource([Plain], { synchronize: true, dropSchema: true }), {
      versionColumns: false,
    });
    await mine.initialize();
    await mine.manager.save(Plain, { id: 1 });
    const stale = await mine.manager.findOneByOrFail(Plain, { id: 1 });
    await mine.manager.update(Plain, 1, { note: "theirs" });
    await mine.manager.save(Object.assign(stale, { note: "mine" }));
    expect((await mine.manager.findOneByOrFail(Plain, { id: 1 })).note).toBe("mine");
  });

  describe("a token that was never loaded", () => {
    const Subject = entity(declare(["version", RowVersion()]));
    const open = async (missingToken: "throw" | "warn" | "ignore"): Promise<DataSource> => {
      const dataSource = guardDataSource(
        scratch().dataSource([Subject], { synchronize: true, dropSchema: true }),
        { missingToken },
      );
      await dataSource.initialize();
      await dataSource.manager.insert(Subject, { id: 1 });
      return dataSource;
    };
    const saveUnchecked = async ({ manager }: DataSource, note: string): Promise<unknown> => {
      const partial = await manager.findOneOrFail(Subject, {
        select: { id: true, note: true },
        where: { id: 1 },
      });
      return manager.save(Object.assign(partial, { note })).catch((reason: unknown) => reason);
    };
    const row = ({ manager }: DataSource): Promise<object> => manager.findOneByOrFail(Subject, { id: 1 });

    it("is an error by default", async () => {
      expect(isMissingTokenError(await saveUnchecked(await open("throw"), "mine"))).toBe(true);
    });

    it("is let through with a warning, once per call site, and raises the version", async () => {
      const emitWarning = jest.spyOn(process, "emitWarning").mockImplementation(() => undefined);
      const mine = await open("warn");
      for (const note of ["one", "two"]) await saveUnchecked(mine, note);
      expect(emitWarning).toHaveBeenCalledTimes(1);
      expect(emitWarning).toHaveBeenCalledWith(
        expect.stringMatching(/Subject \{id: 1\}.*version.*at saveUnchecked .*configuration\.test/s),
        { type: "MissingTokenWarning", code: "MISSING_TOKEN" },
      );
      emitWarning.mockRestore();
      expect(await row(mine)).toMatchObject({ note: "two", version: 3 });
    });

    it("is let through silently when told to, and raises the version", async () => {
      const mine = await open("ignore");
      await saveUnchecked(mine, "mine");
      expect(await row(mine)).toMatchObject({ note: "mine", version: 2 });
    });
  });
});

describe("options", () => {
  const dataSource = (): DataSource =>
    new DataSource({ type: "better-sqlite3", database: ":memory:" } as DataSourceOptions);

  it.each([
    [{ versionColumns: 1 }, /"versionColumns" must be true or false, not 1/],
    [{ missingToken: "maybe" }, /"missingToken" must be one of throw, warn, ignore, not maybe/],
    [{ entities: {} }, /"entities" must be a Map/],
  ])("%j is refused at the door", (options, message) => {
    expect(() => guardDataSource(dataSource(), options as never)).toThrow(message);
  });

  it("that declare an entity the DataSource does not have are refused", async () => {
    const guarded = guardDataSource(dataSource(), {
      entities: new Map([["Nobody", { rowVersion: "version" }]]),
    });
    await expect(guarded.initialize()).rejects.toThrow(/"entities" declares Nobody, which is not an entity/);
  });
});
