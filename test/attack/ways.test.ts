import {
  Column,
  Entity,
  EventSubscriber,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
  type EntitySubscriberInterface,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  OptimisticLocking,
  RowVersion,
  UpdateAllColumns,
  VersionedRelation,
  expectVersion,
  removeExpecting,
  touch,
  unchecked,
  updateExpecting,
  verifyUnchanged,
  versionOf,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf } from "./support";

@Entity()
class Buf {
  @PrimaryColumn({ type: (process.env["X"] ?? "blob") as any }) k: Buffer;
  @Column() name: string;
  @RowVersion() version: number;
}
@Entity()
class Par {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() version: number;
  @OneToMany(() => Chi, (c) => c.par) kids: Relation<Chi[]>;
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
class Chi {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => Par, (p) => p.kids, { nullable: true }) par: Relation<Par> | null;
}
@OptimisticLocking({ compare: "changed-columns" })
@Entity()
class Cc {
  @PrimaryColumn("int") id: number;
  @Column() a: string;
  @Column() b: string;
  @ManyToOne(() => Par, { nullable: true }) par: Relation<Par> | null;
}
@UpdateAllColumns()
@Entity()
class Ua {
  @PrimaryColumn("int") id: number;
  @Column() a: string;
  @Column({ default: "d" }) b: string;
}
@Entity()
class Rv {
  @PrimaryColumn("int") id: number;
  @Column() a: string;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
  @RowVersion() version: number;
}

eachDatabase((scratch, db) => {
  let ds: DataSource;
  let bare: DataSource;
  let id = 0;
  const entities = [...(db === "sqlite" ? [Buf] : []), Par, Chi, Cc, Ua, Rv];
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), entities));
    bare = await openSecond(scratch(), entities, { guarded: false });
  });

  if (db === "sqlite")
    it("a Buffer as key, given as a scalar", async () => {
      const k = Buffer.from([1, 2, 3]);
      const e = await ds.manager.save(Object.assign(new Buf(), { k, name: "a" }));
      const t = await updateExpecting(ds.manager, Buf, { k }, versionOf(e), { name: "b" });
      await updateExpecting(ds.manager, Buf, k, t, { name: "c" });
    });
  it("collections of compared members: detach and attach by the other side, stale members", async () => {
    const [p, q] = await ds.manager.save([
      Object.assign(new Par(), { name: "p" }),
      Object.assign(new Par(), { name: "q" }),
    ]);
    const c = await ds.manager.save(Object.assign(new Chi(), { name: "c", par: p }));
    const l = await ds.manager.findOneOrFail(Par, { where: { id: p!.id }, relations: { kids: true } });
    const stale = await ds.manager.findOneByOrFail(Chi, { id: c.id });
    l.kids = [];
    await ds.manager.save(l); // detaches by an UPDATE of its own
    stale.name = "late";
    await refusalOf(ds.manager.save(stale));
    c.par = q as Par;
    await refusalOf(ds.manager.save(c));
    const f = await ds.manager.findOneByOrFail(Chi, { id: c.id });
    f.name = "f";
    await ds.manager.save(f);
    f.par = q as Par;
    await ds.manager.save(f);
    f.name = "g";
    await ds.manager.save(f);
    const s2 = await ds.manager.findOneByOrFail(Chi, { id: c.id });
    await ds.manager.save(Object.assign(f, { name: "h" }));
    const l2 = await ds.manager.findOneOrFail(Par, { where: { id: p!.id }, relations: { kids: true } });
    l2.kids = [s2];
    await refusalOf(ds.manager.save(l2));
    expect(
      (await bare.manager.findOneOrFail(Chi, { where: { id: c.id }, relations: { par: true } })).par?.id,
    ).toBe(q!.id);
  });
  it("changed-columns: the same relation changed by two", async () => {
    const [p, q] = await ds.manager.save([
      Object.assign(new Par(), { name: "p" }),
      Object.assign(new Par(), { name: "q" }),
    ]);
    await ds.manager.save(Object.assign(new Cc(), { id: ++id, a: "a", b: "b" }));
    const load = () => ds.manager.findOneByOrFail(Cc, { id });
    const [x, y, z] = [await load(), await load(), await load()];
    x.par = p as Par;
    await ds.manager.save(x);
    y.par = q as Par;
    await refusalOf(ds.manager.save(y));
    z.a = "z";
    await ds.manager.save(z);
    z.par = q as Par;
    await refusalOf(ds.manager.save(z));
    x.b = "x";
    await ds.manager.save(x);
    x.par = null;
    await ds.manager.save(x);
    x.par = q as Par;
    await ds.manager.save(x);
    await refusalOf(ds.manager.remove(z));
    const f = await load();
    await ds.manager.remove(f);
  });
  it("changed-columns: in open transactions nothing is left of a refused list", async () => {
    await ds.manager.save([
      Object.assign(new Cc(), { id: ++id, a: "a", b: "b" }),
      Object.assign(new Cc(), { id: ++id, a: "a", b: "b" }),
    ]);
    const [x, y] = [
      await ds.manager.findOneByOrFail(Cc, { id: id - 1 }),
      await ds.manager.findOneByOrFail(Cc, { id }),
    ];
    await ds.manager.update(Cc, { id }, { a: "theirs" });
    await ds.transaction(async (m) => {
      x.a = "mine";
      y.a = "mine";
      await refusalOf(m.save([x, y]));
      x.b = "later";
      await m.save(x);
    });
    expect(await bare.manager.findOneByOrFail(Cc, { id: id - 1 })).toMatchObject({ a: "mine", b: "later" });
    expect(await bare.manager.findOneByOrFail(Cc, { id })).toMatchObject({ a: "theirs" });
  });
  it("UpdateAllColumns alone: gone rows, new ones, again and again", async () => {
    const e = await ds.manager.save(Object.assign(new Ua(), { id: ++id, a: "x" }));
    e.a = "y";
    await ds.manager.save(e);
    const s = await ds.manager.findOneByOrFail(Ua, { id });
    e.b = "q";
    await ds.manager.save(e);
    s.a = "s";
    await ds.manager.save(s);
    expect(await bare.manager.findOneByOrFail(Ua, { id })).toMatchObject({ a: "s", b: "d" });
    await bare.manager.delete(Ua, { id });
    s.a = "t";
    expect((await refusalOf(ds.manager.save(s))).conflicts[0]!.reason).toBe("deleted");
  });
  it("RowVersion alone: a nullable select:false column survives saves (bare loses it)", async () => {
    await ds.manager.insert(Rv, { id: ++id, a: "a", hid: "h" });
    const e = await ds.manager.findOneByOrFail(Rv, { id });
    for (const a of ["b", "c", "d"]) {
      e.a = a;
      await ds.manager.save(e);
    }
    expect((await bare.query(`SELECT hid FROM rv WHERE id = ${id}`))[0].hid).toBe("h");
  });
  it("a transaction's manager, rollbacks and versionOf", async () => {
    const e = await ds.manager.save(Object.assign(new Rv(), { id: ++id, a: "a" }));
    const v1 = versionOf(e);
    await ds
      .transaction(async (m) => {
        await touch(m, e);
        expect(versionOf(e)).not.toBe(v1);
        const t = await updateExpecting(m, Rv, id, versionOf(e), { a: "q" });
        await m
          .transaction(async (k) => {
            await updateExpecting(k, Rv, id, t, { a: "r" });
            throw 1;
          })
          .catch(() => 0);
        await refusalOf(removeExpecting(m, Rv, id, v1));
        await updateExpecting(m, Rv, id, t, { a: "s" });
        throw 1;
      })
      .catch((x: unknown) => {
        if (x !== 1) throw x;
      });
    expect(versionOf(e)).toBe(v1);
    e.a = "ok";
    await ds.manager.save(e);
    await ds
      .transaction(async (m) => {
        const c = { ...e, a: "clone" };
        expectVersion(c, versionOf(e));
        await m.save(Rv, c);
        throw 1;
      })
      .catch((x: unknown) => {
        if (x !== 1) throw x;
      });
    e.a = "ok2";
    await ds.manager.save(e);
    await ds.manager.remove(Object.assign(new Rv(), { ...e }), unchecked());
    expect(await ds.manager.countBy(Rv, { id })).toBe(0);
  });
  it("versionOf of an entity whose version was edited, expectVersion of a stale one", async () => {
    const e = await ds.manager.save(Object.assign(new Rv(), { id: ++id, a: "a" }));
    const s = await ds.manager.findOneByOrFail(Rv, { id });
    e.a = "b";
    await ds.manager.save(e);
    s.version = e.version;
    expect(versionOf(s)).toBe(versionOf(e));
    s.a = "s";
    await ds.manager.save(s);
    const t = versionOf(e);
    const f = await ds.manager.findOneByOrFail(Rv, { id });
    expectVersion(f, t);
    f.a = "f";
    expect((await refusalOf(ds.manager.save(f))).retryable).toBe(false);
    await refusalOf(ds.manager.save(f));
    await refusalOf(ds.manager.remove(f));
    await refusalOf(touch(ds.manager, f));
    await refusalOf(verifyUnchanged(ds.manager, f));
  });
});
void ConcurrencyToken;
void VersionedRelation;
void EventSubscriber;
type S = EntitySubscriberInterface;
void (0 as unknown as S);
