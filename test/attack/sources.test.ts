import {
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  RowVersion,
  VersionedRelation,
  touch,
  isOptimisticLockError,
  updateExpecting,
  versionOf,
  ConcurrencyToken,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, refusalOf } from "./support";

let n = 0;
@Entity()
class NextFirst {
  @PrimaryColumn("int") id: number;
  @RowVersion({ next: () => `v${++n}`, type: "varchar" }) version: string;
  @Column() name: string;
}
@Entity()
class NextOnly {
  @PrimaryGeneratedColumn() id: number;
  @RowVersion({ next: () => `v${++n}`, type: "varchar" }) version: string;
}
@Entity()
class NextRoot {
  @PrimaryGeneratedColumn() id: number;
  @RowVersion({ next: () => `v${++n}`, type: "varchar" }) version: string;
  @VersionedRelation() @OneToMany(() => NextItem, (i) => i.root, { cascade: true }) items: Relation<
    NextItem[]
  >;
}
@Entity()
class NextItem {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => NextRoot, (r) => r.items) root: Relation<NextRoot>;
}
@Entity()
class Stock {
  @PrimaryColumn("int") id: number;
  @ConcurrencyToken() @Column("int") stock: number;
  @Column() name: string;
}

eachDatabase((scratch) => {
  let ds: DataSource;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), [NextFirst, NextOnly, NextRoot, NextItem, Stock]));
  });

  it("touch works where the application's version is the first column", async () => {
    const e = await ds.manager.save(Object.assign(new NextFirst(), { id: 1, name: "a" }));
    const before = e.version;
    await touch(ds.manager, e);
    expect(e.version).not.toBe(before);
    await ds.manager.save(Object.assign(e, { name: "b" }));
  });
  it("touch works where the application's version is the only column", async () => {
    const e = await ds.manager.save(new NextOnly());
    const before = e.version;
    await touch(ds.manager, e);
    expect(e.version).not.toBe(before);
  });
  it("a member of a root with nothing but an application's version can be saved", async () => {
    const r = await ds.manager.save(
      Object.assign(new NextRoot(), { items: [Object.assign(new NextItem(), { name: "x" })] }),
    );
    const before = r.version;
    r.items[0]!.name = "y";
    await ds.manager.save(r);
    expect(r.version).not.toBe(before);
  });
  it("an upsert of a loaded entity makes a new application version", async () => {
    const e = await ds.manager.save(Object.assign(new NextFirst(), { id: 2, name: "a" }));
    const other = await ds.manager.findOneByOrFail(NextFirst, { id: 2 });
    const mine = await ds.manager.findOneByOrFail(NextFirst, { id: 2 });
    mine.name = "upserted";
    await ds.manager.upsert(NextFirst, mine, ["id"]);
    other.name = "stale";
    await refusalOf(ds.manager.save(other));
    void e;
  });
  it("two upserts of one plain object make two application versions", async () => {
    const plain: Partial<NextFirst> = { id: 3, name: "a" };
    await ds.manager.upsert(NextFirst, plain, ["id"]);
    const other = await ds.manager.findOneByOrFail(NextFirst, { id: 3 });
    plain.name = "b";
    await ds.manager.upsert(NextFirst, plain, ["id"]);
    other.name = "stale";
    await refusalOf(ds.manager.save(other));
  });
  it("updateExpecting with an SQL expression for a token gives the token of the row", async () => {
    await ds.manager.save(Object.assign(new Stock(), { id: 1, stock: 5, name: "a" }));
    const e = await ds.manager.findOneByOrFail(Stock, { id: 1 });
    const token = await updateExpecting(ds.manager, Stock, 1, versionOf(e), { stock: () => "stock - 1" });
    const now = await ds.manager.findOneByOrFail(Stock, { id: 1 });
    expect(token).toBe(versionOf(now));
    await updateExpecting(ds.manager, Stock, 1, token, { name: "b" });
  });
  void isOptimisticLockError;
});

@Entity()
class XPlain {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion({ source: "xmin" }) version: string;
}
@Entity()
@Tree("materialized-path")
class XPath {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Relation<XPath[]>;
  @TreeParent() parent: Relation<XPath> | null;
  @RowVersion({ source: "xmin" }) version: string;
}
@Entity()
@Tree("nested-set")
class XNest {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Relation<XNest[]>;
  @TreeParent() parent: Relation<XNest> | null;
  @RowVersion({ source: "xmin" }) version: string;
}
@Entity()
@Tree("closure-table")
class XClos {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren({ cascade: true }) children: Relation<XClos[]>;
  @TreeParent() parent: Relation<XClos> | null;
  @RowVersion({ source: "xmin" }) version: string;
}
@Entity()
class XRoot {
  @PrimaryGeneratedColumn() id: number;
  @RowVersion({ source: "xmin" }) version: string;
  @VersionedRelation() @OneToMany(() => XItem, (i) => i.root, { cascade: true }) items: Relation<XItem[]>;
}
@Entity()
class XItem {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => XRoot, (r) => r.items) root: Relation<XRoot>;
}
class XMeta {
  @RowVersion({ source: "xmin" }) version: string;
  @Column({ default: "" }) note: string;
}
@Entity()
class XEmb {
  @PrimaryGeneratedColumn() id: number;
  @Column(() => XMeta) meta: XMeta;
  @Column() name: string;
}

eachDatabase(
  (scratch) => {
    let ds: DataSource;
    beforeAll(async () => {
      ({ dataSource: ds } = await openFresh(scratch(), [XPlain, XPath, XNest, XClos, XRoot, XItem, XEmb]));
    });

    it.each([
      ["path", XPath],
      ["nest", XNest],
      ["closure", XClos],
    ] as const)("xmin: tree nodes of %s save again", async (_n, T) => {
      const root = await ds.manager.save(Object.assign(new T(), { name: "root" }));
      root.name = "root2";
      await ds.manager.save(root);
      const kid = await ds.manager.save(Object.assign(new T(), { name: "kid", parent: root }));
      kid.name = "kid2";
      await ds.manager.save(kid);
    });
    it("xmin: materialized path node moves and saves again", async () => {
      const [a, b] = await ds.manager.save([
        Object.assign(new XPath(), { name: "a" }),
        Object.assign(new XPath(), { name: "b" }),
      ]);
      const k0 = await ds.manager.save(Object.assign(new XPath(), { name: "k", parent: a }));
      const k = await ds.manager.findOneOrFail(XPath, { where: { id: k0.id }, relations: { parent: true } });
      k.parent = await ds.manager.findOneByOrFail(XPath, { id: b!.id });
      await ds.manager.save(k);
      k.name = "kk";
      await ds.manager.save(k);
    });
    it("xmin: root with nothing but a key", async () => {
      const r = await ds.manager.save(
        Object.assign(new XRoot(), { items: [Object.assign(new XItem(), { name: "x" })] }),
      );
      r.items[0]!.name = "y";
      await ds.manager.save(r);
    });
    it("xmin: two upserts in one transaction look different", async () => {
      await ds.manager.save(Object.assign(new XPlain(), { id: 1, name: "a" }));
      await ds.transaction(async (m) => {
        await m.upsert(XPlain, { id: 1, name: "b" }, ["id"]);
        const stale = await m.findOneByOrFail(XPlain, { id: 1 });
        await m.upsert(XPlain, { id: 1, name: "c" }, ["id"]);
        stale.name = "d";
        await refusalOf(m.save(stale));
      });
    });
    it("xmin: insert then upsert in one transaction look different", async () => {
      await ds.transaction(async (m) => {
        await m.insert(XPlain, { id: 7, name: "b" });
        const stale = await m.findOneByOrFail(XPlain, { id: 7 });
        await m.update(XPlain, { id: 7 }, { name: "c" });
        stale.name = "d";
        await refusalOf(m.save(stale));
      });
    });
    it("xmin: preload carries the version", async () => {
      await ds.manager.save(Object.assign(new XPlain(), { id: 2, name: "a" }));
      const first = await ds.manager.findOneByOrFail(XPlain, { id: 2 });
      await ds.manager.update(XPlain, { id: 2 }, { name: "theirs" });
      const p = await ds.manager.preload(XPlain, { id: 2, name: "mine", version: first.version });
      await refusalOf(ds.manager.save(p!));
      const c = ds.manager.create(XPlain, { id: 2, name: "mine", version: first.version });
      await refusalOf(ds.manager.save(c));
    });
    it("xmin in an embedded", async () => {
      const e = await ds.manager.save(
        Object.assign(new XEmb(), { name: "a", meta: Object.assign(new XMeta(), { note: "n" }) }),
      );
      expect(e.meta.version).toBeDefined();
      const l = await ds.manager.findOneByOrFail(XEmb, { id: e.id });
      const s = await ds.manager.findOneByOrFail(XEmb, { id: e.id });
      l.meta.note = "x";
      await ds.manager.save(l);
      l.name = "y";
      await ds.manager.save(l);
      s.name = "z";
      await refusalOf(ds.manager.save(s));
      const [rows] = await ds.manager.findAndCount(XEmb, { take: 1 });
      expect(rows).toHaveLength(1);
    });
  },
  ["postgres"],
);
