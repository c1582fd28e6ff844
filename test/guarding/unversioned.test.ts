import {
  Column,
  Entity,
  OneToMany,
  ManyToOne,
  PrimaryColumn,
  UpdateDateColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  guardDataSource,
  isOptimisticLockError,
  RowVersion,
  Unversioned,
  VersionedRelation,
} from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

class Traffic {
  @Unversioned() @Column("int", { default: 0 }) hits: number;
}

@Entity()
class Page {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @Column(() => Traffic) traffic: Traffic;
  @UpdateDateColumn() updatedAt: Date;
  @RowVersion() version: number;
  @VersionedRelation()
  @OneToMany(() => Comment, (comment) => comment.page, { cascade: true })
  comments: Relation<Comment[]>;
}

@Entity()
class Comment {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @Unversioned() @Column("int", { default: 0 }) likes: number;
  @RowVersion() version: number;
  @ManyToOne(() => Page, (page) => page.comments) page: Relation<Page>;
}

@Entity()
class DatedPage {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @ConcurrencyToken() @Column() slug: string;
  @ConcurrencyToken() @UpdateDateColumn() updatedAt: Date;
}

const refused = (work: Promise<unknown>): Promise<boolean> =>
  work.then(
    () => false,
    (error: unknown) => (isOptimisticLockError(error) ? true : Promise.reject(error as Error)),
  );

eachDatabase((scratch) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource([Page, Comment, DatedPage], { synchronize: true, logging: true, logger: log }),
    );
    await dataSource.initialize();
  });
  beforeEach(async () => {
    for (const entity of [Comment, Page, DatedPage])
      await dataSource.createQueryBuilder().delete().from(entity).execute();
    await dataSource.manager.save(
      Object.assign(new Page(), {
        id: 1,
        title: "t",
        traffic: new Traffic(),
        comments: [Object.assign(new Comment(), { id: 1, text: "c" })],
      }),
    );
    await dataSource.manager.save(Object.assign(new DatedPage(), { id: 1, title: "t", slug: "s" }));
  });

  const load = (): Promise<Page> => dataSource.manager.findOneByOrFail(Page, { id: 1 });

  it.each([
    ["a column", (page: Page) => Object.assign(page, { views: 9 }), { views: 9 }],
    [
      "a column of an embedded entity",
      (page: Page) => Object.assign(page.traffic, { hits: 9 }),
      { traffic: { hits: 9 } },
    ],
  ])("a change of it alone is written, unchecked and unraised: %s", async (_name, change, expected) => {
    const stale = await load();
    await dataSource.manager.save(Object.assign(await load(), { title: "theirs" }));
    change(stale);
    const statements = await log.during(() => dataSource.manager.save(stale));
    const update = statements.find((sql) => sql.startsWith("UPDATE")) ?? "";
    expect(update).not.toContain("version");
    expect(await load()).toMatchObject({ ...expected, title: "theirs", version: 2 });
    // It has still not read what the other has written.
    expect(stale.version).toBe(1);
    expect(await refused(dataSource.manager.save(Object.assign(stale, { title: "stale" })))).toBe(true);
  });

  it("together with others it is written and checked with them", async () => {
    const [first, second] = [await load(), await load()];
    await dataSource.manager.save(Object.assign(first, { title: "first", views: 1 }));
    expect(await load()).toMatchObject({ title: "first", views: 1, version: 2 });
    expect(await refused(dataSource.manager.save(Object.assign(second, { title: "second", views: 2 })))).toBe(
      true,
    );
    expect(await load()).toMatchObject({ title: "first", views: 1, version: 2 });
  });

  it("it can be changed again and again, and then something else", async () => {
    const page = await load();
    for (const views of [1, 2, 3]) await dataSource.manager.save(Object.assign(page, { views }));
    await dataSource.manager.save(Object.assign(page, { title: "x" }));
    expect(await load()).toMatchObject({ title: "x", views: 3, version: 2 });
    expect(page.version).toBe(2);
  });

  it("increment, update and the update builder leave the version alone for it, and raise it for others", async () => {
    const { manager } = dataSource;
    await manager.increment(Page, { id: 1 }, "views", 5);
    await manager.update(Page, { id: 1 }, { views: 6 });
    await manager
      .createQueryBuilder()
      .update(Page)
      .set({ views: () => "views + 1" })
      .execute();
    expect(await load()).toMatchObject({ views: 7, version: 1 });
    await manager.update(Page, { id: 1 }, { views: 8, title: "x" });
    expect(await load()).toMatchObject({ views: 8, version: 2 });
  });

  it("an object that was never loaded needs no token for it", async () => {
    await dataSource.manager.save(Page, { id: 1, views: 4 });
    expect(await load()).toMatchObject({ views: 4, version: 1 });
  });

  it("a partly loaded entity needs no token for it", async () => {
    const partly = await dataSource.manager.findOneOrFail(Page, {
      select: { id: true, views: true },
      where: { id: 1 },
    });
    await dataSource.manager.save(Object.assign(partly, { views: 4 }));
    expect(await load()).toMatchObject({ views: 4, version: 1 });
  });

  it("a row that is gone is still a conflict", async () => {
    const stale = await load();
    await dataSource.createQueryBuilder().delete().from(Comment).execute();
    await dataSource.manager.delete(Page, { id: 1 });
    expect(await refused(dataSource.manager.save(Object.assign(stale, { views: 1 })))).toBe(true);
    expect(await dataSource.manager.count(Page)).toBe(0);
  });

  it("a rollback takes it back, and it can be saved again", async () => {
    const page = await load();
    await dataSource
      .transaction(async (manager) => {
        await manager.save(Object.assign(page, { views: 5 }));
        throw new Error("undo");
      })
      .catch(() => undefined);
    await dataSource.manager.save(page);
    expect((await load()).views).toBe(5);
  });

  it("of a member it is no change of the root", async () => {
    const page = await dataSource.manager.findOneOrFail(Page, {
      where: { id: 1 },
      relations: { comments: true },
    });
    Object.assign(page.comments[0] as Comment, { likes: 3 });
    await dataSource.manager.save(page);
    expect(await load()).toMatchObject({ version: 1 });
    Object.assign(page.comments[0] as Comment, { likes: 4, text: "x" });
    await dataSource.manager.save(page);
    expect(await load()).toMatchObject({ version: 2 });
  });

  it("an update date that is a token is not stamped for it", async () => {
    const before = await dataSource.manager.findOneByOrFail(DatedPage, { id: 1 });
    const statements = await log.during(() => dataSource.manager.save(Object.assign(before, { views: 1 })));
    expect(statements.find((sql) => sql.startsWith("UPDATE"))).not.toMatch(/updatedAt. = CURRENT/);
    const { updatedAt } = await dataSource.manager.findOneByOrFail(DatedPage, { id: 1 });
    expect(updatedAt).toEqual(before.updatedAt);
    await dataSource.manager.save(Object.assign(before, { title: "x" }));
    await dataSource.manager.save(Object.assign(before, { title: "y" }));
  });

  it("beside xmin is an error, which changes with every write", async () => {
    @Entity()
    class Restless {
      @PrimaryColumn("int") id: number;
      @Unversioned() @Column("int") views: number;
      @RowVersion({ source: "xmin" }) version: string;
    }
    const guarded = guardDataSource(scratch().dataSource([Restless]));
    await expect(guarded.initialize()).rejects.toThrow(/Restless\.views cannot be @Unversioned.*xmin/);
  });

  it("on a token is an error", async () => {
    @Entity()
    class Odd {
      @PrimaryColumn("int") id: number;
      @Unversioned() @ConcurrencyToken() @Column() text: string;
    }
    const guarded = guardDataSource(scratch().dataSource([Odd]));
    await expect(guarded.initialize()).rejects.toThrow(/Odd\.text is both a token and @Unversioned/);
  });
});
