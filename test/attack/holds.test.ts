import {
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
  Unique,
  VersionColumn,
  BaseEntity,
  type DataSource,
  type RemoveOptions,
  type SaveOptions,
} from "typeorm";
import { guardDataSource, RowVersion, ConcurrencyToken } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { inOrder } from "../support/statement-order";
import { openFresh, openSecond, refusalOf } from "./support";

@Entity()
class Plain {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @OneToMany(() => PlainChild, (child) => child.parent, { cascade: true }) children: PlainChild[];
  @ManyToMany(() => PlainTag, { cascade: true }) @JoinTable() tags: PlainTag[];
}
@Entity()
class PlainChild {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @VersionColumn() version: number;
  @ManyToOne(() => Plain, (plain) => plain.children) parent: Plain;
}
@Entity()
@Unique(["name"])
class PlainTag {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
}
@Entity()
@Tree("materialized-path")
class PlainTree {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren() children: PlainTree[];
  @TreeParent() parent: PlainTree | null;
}
@Entity()
class Guarded extends BaseEntity {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column("int", { default: 0 }) amount: number;
  @OneToMany(() => Part, (part) => part.whole, { cascade: true }) parts: Part[];
  @RowVersion() version: number;
}
@Entity()
class Part {
  @PrimaryGeneratedColumn() id: number;
  @ConcurrencyToken() @Column() name: string;
  @ManyToOne(() => Guarded, (whole) => whole.parts) whole: Guarded;
}
const entities = [Plain, PlainChild, PlainTag, PlainTree, Guarded, Part];
const make = <T extends object>(type: new () => T, values: Partial<T>): T =>
  Object.assign(new type(), values);

async function scenario({ manager }: DataSource): Promise<unknown> {
  const plain = await manager.save(
    make(Plain, {
      name: "a",
      children: [make(PlainChild, { name: "c1" }), make(PlainChild, { name: "c2" })],
      tags: [make(PlainTag, { name: "t1" }), make(PlainTag, { name: "t2" })],
    }),
  );
  plain.children[0]!.name = "c1b";
  plain.children.push(make(PlainChild, { name: "c3" }));
  plain.tags.pop();
  await manager.save(plain);
  plain.children.shift();
  await manager.save(plain, { reload: false });
  await manager.upsert(PlainTag, { name: "t1" }, ["name"]);
  await manager.update(PlainChild, { name: "c2" }, { name: "c2b" });
  await manager.increment(PlainChild, { name: "c2b" }, "version", 3);
  const root = await manager.save(make(PlainTree, { name: "r" }));
  const leaf = await manager.save(make(PlainTree, { name: "l", parent: root }));
  leaf.parent = null;
  await manager.save(leaf);
  const found = await manager.find(Plain, {
    relations: { children: true, tags: true },
    relationLoadStrategy: "query",
  });
  found[0]!.name = "b";
  await manager.save(found, { chunk: 1 });
  await manager.transaction(async (inner) => {
    await inner.save([plain, make(PlainTag, { name: "x" })]);
    await inner.transaction((innermost) => innermost.delete(PlainTag, { name: "x" }));
  });
  await manager.remove(found[0]!.children);
  await manager.remove(await manager.find(PlainTree));
  return manager.find(PlainChild);
}

eachDatabase((scratch, name) => {
  it("sends the same statements for entities that are not guarded", async () => {
    const runs: string[][] = [];
    for (const guarded of [false, true]) {
      const { dataSource, log } = await openFresh(scratch(), entities, { guarded: false });
      if (guarded) guardDataSource(dataSource, { versionColumns: false });
      runs.push(await log.during(() => scenario(dataSource)));
      await dataSource.destroy();
    }
    expect(inOrder(runs[1] ?? [])).toEqual(inOrder(runs[0] ?? []));
    expect(runs[0]!.length).toBeGreaterThan(30);
  });

  describe("two writers", () => {
    let mine: DataSource;
    let theirs: DataSource;
    beforeAll(async () => {
      ({ dataSource: mine } = await openFresh(scratch(), entities));
      theirs = await openSecond(scratch(), entities);
    });
    afterAll(async () => {
      if (mine?.isInitialized) await mine.destroy();
      if (theirs?.isInitialized) await theirs.destroy();
    });
    const graph = async (): Promise<number> =>
      (
        await mine.manager.save(
          make(Guarded, { name: "g", parts: [make(Part, { name: "p1" }), make(Part, { name: "p2" })] }),
        )
      ).id;

    it.each(["join", "query"] as const)(
      "reports every stale row of a graph loaded by %s",
      async (strategy) => {
        const id = await graph();
        const options = { where: { id }, relations: { parts: true }, relationLoadStrategy: strategy };
        const stale = await mine.manager.findOneOrFail(Guarded, options);
        const fresh = await theirs.manager.findOneOrFail(Guarded, options);
        fresh.name = "theirs";
        for (const part of fresh.parts) part.name += "!";
        await theirs.manager.save(fresh);
        stale.name = "mine";
        for (const part of stale.parts) part.name += "?";
        const refusal = await refusalOf(mine.manager.save(stale));
        expect(refusal.conflicts).toHaveLength(3);
        expect(await theirs.manager.findOneOrFail(Guarded, options)).toMatchObject({ name: "theirs" });
      },
    );

    it.each([
      [{ listeners: false }],
      [{ transaction: false }],
      [{ reload: false }],
      [{ chunk: 1 }],
      [{ listeners: false, transaction: false, reload: false, chunk: 2 }],
    ] as const)("refuses stale saves and removes with %j", async (given) => {
      const options = given as SaveOptions & RemoveOptions;
      const id = await graph();
      const stale = await mine.manager.findOneByOrFail(Guarded, { id });
      await theirs.manager.update(Guarded, { id }, { name: "theirs" });
      stale.name = "mine";
      await refusalOf(mine.manager.save(stale, options));
      await refusalOf(mine.manager.remove(stale, options));
      await refusalOf(mine.manager.save([stale], options));
      stale.version = 2;
      await mine.manager.save(stale, options);
      stale.name = "again";
      await mine.manager.save(stale, options);
      expect(stale.version).toBe(4);
    });

    it("takes a reload of Active Record for a fresh load", async () => {
      Guarded.useDataSource(mine);
      const id = await graph();
      const entity = await Guarded.findOneByOrFail({ id });
      await theirs.manager.update(Guarded, { id }, { name: "theirs" });
      entity.name = "mine";
      await refusalOf(entity.save());
      await entity.reload();
      entity.amount = 3;
      await entity.save();
      expect(await theirs.manager.findOneByOrFail(Guarded, { id })).toMatchObject({
        name: "theirs",
        amount: 3,
      });
    });

    it("loads of one row by many at once and saves: one wins, all others are refused", async () => {
      const id = await graph();
      const sources = name === "sqlite" ? [mine] : [mine, theirs];
      const copies = await Promise.all(
        Array.from({ length: 8 }, (_, index) =>
          sources[index % sources.length]!.manager.findOneByOrFail(Guarded, { id }),
        ),
      );
      const outcomes = await Promise.allSettled(
        copies.map((copy, index) => {
          copy.amount = index + 1;
          return sources[index % sources.length]!.manager.save(copy);
        }),
      );
      expect(outcomes.filter(({ status }) => status === "fulfilled")).toHaveLength(1);
    });

    it("puts tokens back when COMMIT fails", async () => {
      if (name !== "postgres") return;
      await mine.query("CREATE TABLE late (id int UNIQUE DEFERRABLE INITIALLY DEFERRED)");
      const id = await graph();
      const entity = await mine.manager.findOneByOrFail(Guarded, { id });
      entity.name = "late";
      await expect(
        mine.transaction(async (manager) => {
          await manager.query("INSERT INTO late VALUES (1), (1)");
          await manager.save(entity);
        }),
      ).rejects.toThrow();
      expect(entity.version).toBe(1);
      await mine.manager.save(entity);
      expect(entity.version).toBe(2);
    });

    it("upserts and saves in another schema", async () => {
      if (name !== "postgres") return;
      @Entity({ name: "thing", schema: "other" })
      @Unique(["a", "b"])
      class Thing {
        @PrimaryGeneratedColumn() id: number;
        @Column("int") a: number;
        @Column("int") b: number;
        @Column("int") c: number;
        @RowVersion() version: number;
      }
      await mine.query('CREATE SCHEMA IF NOT EXISTS "other"');
      const dataSource = scratch().dataSource([Thing], { synchronize: true });
      await guardDataSource(dataSource).initialize();
      for (const c of [1, 2]) {
        await dataSource.getRepository(Thing).upsert({ a: 1, b: 1, c, version: 1 }, ["a", "b"]);
        await dataSource
          .getRepository(Thing)
          .upsert([{ a: 1, b: 1, c }], { conflictPaths: ["a", "b"], skipUpdateIfNoValuesChanged: true });
        await dataSource
          .createQueryBuilder(Thing, "t")
          .insert()
          .values({ a: 1, b: 1, c: c + 10 })
          .orUpdate(["c"], ["a", "b"])
          .execute();
      }
      const thing = await dataSource.getRepository(Thing).findOneByOrFail({ a: 1 });
      expect([thing.c, thing.version]).toEqual([12, 4]);
      thing.c = 0;
      await dataSource.getRepository(Thing).save(thing);
      await dataSource.destroy();
    });
  });
});
