import {
  BeforeUpdate,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  Generated,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  Tree,
  TreeChildren,
  TreeParent,
  UpdateDateColumn,
  ManyToOne,
  JoinColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  OptimisticLocking,
  RowVersion,
  Unversioned,
  UpdateAllColumns,
  removeExpecting,
  touch,
  updateExpecting,
  versionOf,
  expectVersion,
  verifyUnchanged,
} from "typeorm-concurrency";
import { eachDatabase, type QueryLog } from "../support/databases";
import { openFresh, refusalOf } from "./support";

@OptimisticLocking({ compare: "all-columns" })
@Entity()
class MOn {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @Column({
    type: "datetime",
    precision: 6,
    default: () => "CURRENT_TIMESTAMP(6)",
    onUpdate: "CURRENT_TIMESTAMP(6)",
  })
  touched: Date;
}
@Entity()
class MTok {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ConcurrencyToken()
  @Column({
    type: "datetime",
    precision: 6,
    default: () => "CURRENT_TIMESTAMP(6)",
    onUpdate: "CURRENT_TIMESTAMP(6)",
  })
  touched: Date;
}
const pause = () => new Promise((r) => setTimeout(r, 5));
eachDatabase(
  (scratch) => {
    let ds: DataSource;
    beforeAll(async () => {
      ({ dataSource: ds } = await openFresh(scratch(), [MOn, MTok]));
    });
    it.each([
      ["all-columns", MOn],
      ["token", MTok],
    ] as const)("ON UPDATE column, %s: the same object saves again", async (_n, T) => {
      const e: any = await ds.manager.save(Object.assign(new T(), { id: 1, name: "a" }));
      await pause();
      e.name = "b";
      await ds.manager.save(e);
      await pause();
      e.name = "c";
      await ds.manager.save(e);
    });
  },
  ["mariadb"],
);

@Entity()
class Trig {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @RowVersion({ source: "database" }) version: number;
}
@Entity()
@Tree("materialized-path")
class TrigPath {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren() children: Relation<TrigPath[]>;
  @TreeParent() parent: Relation<TrigPath> | null;
  @RowVersion({ source: "database" }) version: number;
}
async function trigger(ds: DataSource, table: string) {
  const t = ds.options.type;
  if (t === "postgres") {
    await ds.query(
      `CREATE OR REPLACE FUNCTION bump_${table}() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.version := OLD.version + 1; RETURN NEW; END'`,
    );
    await ds.query(
      `CREATE TRIGGER tr_${table} BEFORE UPDATE ON "${table}" FOR EACH ROW EXECUTE FUNCTION bump_${table}()`,
    );
  } else if (t === "mariadb")
    await ds.query(
      `CREATE TRIGGER tr_${table} BEFORE UPDATE ON ${table} FOR EACH ROW SET NEW.version = OLD.version + 1`,
    );
  else
    await ds.query(
      `CREATE TRIGGER tr_${table} AFTER UPDATE ON "${table}" FOR EACH ROW WHEN NEW.version = OLD.version BEGIN UPDATE "${table}" SET version = OLD.version + 1 WHERE id = NEW.id; END`,
    );
}
eachDatabase((scratch) => {
  let ds: DataSource;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), [Trig, TrigPath]));
    await trigger(ds, "trig");
    await trigger(ds, "trig_path");
  });
  it("a database's version in a materialized path: the same object saves again", async () => {
    const p = await ds.manager.save(Object.assign(new TrigPath(), { name: "p" }));
    p.name = "p2";
    await ds.manager.save(p);
  });
  it.each([{ reload: false }, { listeners: false }, { transaction: false }])(
    "database's version with %p",
    async (o) => {
      const e = await ds.manager.save(Object.assign(new Trig(), { name: "a" }));
      const s = await ds.manager.findOneByOrFail(Trig, { id: e.id });
      for (const name of ["b", "c"]) {
        e.name = name;
        await ds.manager.save(e, o);
      }
      s.name = "x";
      await refusalOf(ds.manager.save(s, o));
      await refusalOf(ds.manager.remove(s, o as any));
      await ds.manager.remove(e);
    },
  );
});

let n = 0;
@OptimisticLocking({ compare: "changed-columns" })
@Entity()
class Chg {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column({ default: "" }) slug: string;
  @Column("int", { default: 0 }) other: number;
  @UpdateDateColumn() u: Date;
  @CreateDateColumn() c: Date;
  @DeleteDateColumn() d: Date | null;
  @Column({ default: "dflt", insert: false }) ni: string;
  @Column({ default: "nu", update: false }) nu: string;
  @Column({ type: "decimal", precision: 6, scale: 2, default: 0 }) dec: string;
  @Column({ type: "simple-json", nullable: true }) j: any;
  @Generated("uuid") @Column() g: string;
  @BeforeUpdate() up() {
    this.slug = `${this.name}-${++n}`;
  }
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
class Al {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column({ default: "" }) slug: string;
  @Column("int", { default: 0 }) other: number;
  @UpdateDateColumn() u: Date;
  @CreateDateColumn() c: Date;
  @DeleteDateColumn() d: Date | null;
  @Column({ default: "dflt", insert: false }) ni: string;
  @Column({ default: "nu", update: false }) nu: string;
  @Column({ type: "decimal", precision: 6, scale: 2, default: 0 }) dec: string;
  @Column({ type: "simple-json", nullable: true }) j: any;
  @Generated("uuid") @Column() g: string;
  @BeforeUpdate() up() {
    this.slug = `${this.name}-${++n}`;
  }
}
@Entity()
class KeyDate {
  @PrimaryColumn({ type: (global as any).KD ?? "varchar", length: 30 }) k: string;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
class KOne {
  @PrimaryGeneratedColumn() id: number;
  @Column({ default: "" }) t: string;
}
@Entity()
class KRel {
  @PrimaryColumn("int") oneId: number;
  @ManyToOne(() => KOne) @JoinColumn({ name: "oneId" }) one: Relation<KOne>;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
class KRel2 {
  @ManyToOne(() => KOne) @JoinColumn() @PrimaryColumn({ type: "int", name: "oneId" }) one: any;
  @Column() name: string;
  @RowVersion() version: number;
}
for (const kind of ["materialized-path", "closure-table", "nested-set"] as const) void kind;
@OptimisticLocking({ compare: "all-columns" })
@Entity()
@Tree("materialized-path")
class TM {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren() children: Relation<TM[]>;
  @TreeParent() parent: Relation<TM> | null;
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
@Tree("closure-table")
class TC {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren() children: Relation<TC[]>;
  @TreeParent() parent: Relation<TC> | null;
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
@Tree("nested-set")
class TN {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @TreeChildren() children: Relation<TN[]>;
  @TreeParent() parent: Relation<TN> | null;
}
@UpdateAllColumns()
@Entity()
@Tree("materialized-path")
class UM {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() v: number;
  @TreeChildren() children: Relation<UM[]>;
  @TreeParent() parent: Relation<UM> | null;
}
@UpdateAllColumns()
@Entity()
@Tree("closure-table")
class UC {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() v: number;
  @TreeChildren() children: Relation<UC[]>;
  @TreeParent() parent: Relation<UC> | null;
}
@UpdateAllColumns()
@Entity()
@Tree("nested-set")
class UN {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() v: number;
  @TreeChildren() children: Relation<UN[]>;
  @TreeParent() parent: Relation<UN> | null;
}
@UpdateAllColumns()
@Entity()
class LazyFk {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => KOne, { lazy: true, nullable: true }) owner: Promise<KOne | null>;
  @RowVersion() version: number;
}
@Entity()
class UnDate {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @ConcurrencyToken() @UpdateDateColumn() u: Date;
  @ConcurrencyToken() @Column("int", { default: 0 }) st: number;
}

eachDatabase((scratch) => {
  let ds: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: ds, log } = await openFresh(scratch(), [
      Chg,
      Al,
      KeyDate,
      KOne,
      KRel,
      KRel2,
      TM,
      TC,
      TN,
      UM,
      UC,
      UN,
      LazyFk,
      UnDate,
    ]));
  });
  it.each([
    ["changed", Chg],
    ["all", Al],
  ] as const)("%s-columns: every kind of column, again and again", async (_n, T) => {
    const e: any = await ds.manager.save(
      Object.assign(new T(), { name: "a", dec: "1.239", ni: "mine", nu: "mine" }),
    );
    const o = { reload: false };
    e.name = "b";
    await ds.manager.save(e);
    e.dec = "2.345";
    await ds.manager.save(e);
    e.dec = 7;
    await ds.manager.save(e);
    e.j = { a: 1 };
    await ds.manager.save(e);
    e.j.a = 2;
    await ds.manager.save(e, o);
    e.other = 0;
    e.name = "";
    await ds.manager.save(e, { listeners: false });
    e.nu = "ignored";
    e.name = "c";
    await ds.manager.save(e, o);
    e.ni = "x";
    await ds.manager.save(e);
    await ds.manager.softRemove(e);
    await ds.manager.softRemove(e);
    await ds.manager.recover(e);
    e.name = "d";
    await ds.manager.save(e);
    await ds.transaction(async (m) => {
      e.name = "t1";
      await m.save(e);
      await m
        .transaction(async (k) => {
          e.name = "t2";
          await k.save(e);
          throw 1;
        })
        .catch(() => 0);
      e.name = "t3";
      await m.save(e);
    });
    e.name = "z";
    await ds.manager.save(e);
    const l: any = await ds.manager.findOneByOrFail(T as any, { id: e.id });
    const s: any = await ds.manager.findOneByOrFail(T as any, { id: e.id });
    l.name = "l";
    await ds.manager.save(l);
    s.name = "s";
    await refusalOf(ds.manager.save(s));
    await refusalOf(ds.manager.remove(s));
    await refusalOf(ds.manager.softRemove(s));
    await ds.manager.remove(l);
  });
  it.each([
    ["KRel", KRel, "oneId"],
    ["KRel2", KRel2, "one"],
  ] as const)("keys that are relations: %s", async (_n, T, prop) => {
    const one = await ds.manager.save(new KOne());
    await ds.manager.save(Object.assign(new T(), { [prop]: one.id, name: "a" } as any));
    const e: any = await ds.manager.findOneByOrFail(T as any, { [prop]: one.id } as any);
    const v = versionOf(e);
    await touch(ds.manager, e);
    e.name = "b";
    await ds.manager.save(e);
    await verifyUnchanged(ds.manager, e);
    await refusalOf(updateExpecting(ds.manager, T as any, { [prop]: one.id }, v, { name: "x" } as any));
    const t = await updateExpecting(ds.manager, T as any, { [prop]: one.id }, versionOf(e), {
      name: "x",
    } as any);
    await updateExpecting(ds.manager, T as any, one.id, t, { name: "y" } as any);
    const f: any = await ds.manager.findOneByOrFail(T as any, { [prop]: one.id } as any);
    const g: any = expectVersion({ ...f, name: "gg" }, versionOf(f));
    await ds.manager.save(T as any, g);
    await removeExpecting(ds.manager, T as any, { [prop]: one.id }, versionOf(g));
  });
  it.each([
    ["TM", TM],
    ["TC", TC],
    ["TN", TN],
    ["UM", UM],
    ["UC", UC],
    ["UN", UN],
  ] as const)("trees %s", async (_n, T) => {
    const repo = ds.getTreeRepository(T as any) as any;
    const root = await repo.save(Object.assign(new T(), { name: "root" }));
    root.name = "r2";
    await repo.save(root);
    const a = await repo.save(Object.assign(new T(), { name: "a", parent: root }));
    const b = await repo.save(Object.assign(new T(), { name: "b", parent: root }));
    a.name = "a2";
    await repo.save(a);
    root.name = "r3";
    await repo.save(root);
    const c = await repo.save(Object.assign(new T(), { name: "c", parent: a }));
    c.name = "c2";
    await repo.save(c);
    if (T !== TN && T !== UN) {
      c.parent = b;
      await repo.save(c);
      c.name = "c3";
      await repo.save(c);
    }
    const tree = (await repo.findTrees({ relations: [] }))[0];
    tree.children[0].name = "x";
    await repo.save(tree.children[0]);
    tree.name = "x";
    await repo.save(tree);
    tree.children[0].name = "y";
    await repo.save(tree.children[0]);
    const d = await repo.findDescendantsTree(await repo.findOneByOrFail({ id: root.id }));
    d.name = "dd";
    await repo.save(d);
    const kid = await repo.findOneOrFail({ where: { id: c.id }, relations: { parent: true } });
    expect(kid.parent).toBeTruthy();
    root.name = "stale";
    await refusalOf(repo.save(root));
  });
  it("UpdateAllColumns has a lazy foreign key in SET", async () => {
    const one = await ds.manager.save(new KOne());
    await ds.manager.save(Object.assign(new LazyFk(), { id: 1, name: "a", owner: Promise.resolve(one) }));
    const e = await ds.manager.findOneByOrFail(LazyFk, { id: 1 });
    e.name = "b";
    const sql = await log.during(() => ds.manager.save(e));
    expect(sql.find((s) => s.startsWith("UPDATE"))).toMatch(/ownerId.* WHERE/);
    expect((await (await ds.manager.findOneByOrFail(LazyFk, { id: 1 })).owner)?.id).toBe(one.id);
  });
  it("UpdateDate tokens and unversioned columns", async () => {
    const e = await ds.manager.save(Object.assign(new UnDate(), { id: 1, name: "a" }));
    e.views = 1;
    await ds.manager.save(e);
    e.name = "b";
    await ds.manager.save(e);
    await ds.manager.increment(UnDate, { id: 1 }, "views", 1);
    e.name = "c";
    await ds.manager.save(e);
    e.views = 0;
    e.st = 0;
    await ds.manager.save(e);
    e.st = 1;
    await ds.manager.save(e);
    e.st = 0;
    await ds.manager.save(e);
    await ds.manager.upsert(UnDate, { id: 1, name: "u", views: 7 }, ["id"]);
  });
});
