import {
  ChildEntity,
  Column,
  DeleteDateColumn,
  Entity,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  type DataSource,
  type EntityManager,
  type Relation,
} from "typeorm";
import {
  OptimisticLocking,
  RowVersion,
  UpdateAllColumns,
  VersionedRelation,
  unchecked,
  withoutRoots,
  verifyUnchanged,
  touch,
  ConcurrencyToken,
  guardDataSource,
  unguardDataSource,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf, withoutHanging } from "./support";

@Entity()
class R {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) note: string;
  @RowVersion() version: number;
  @DeleteDateColumn() d: Date | null;
  @VersionedRelation() @OneToMany(() => M, (m) => m.r, { cascade: true }) ms: Relation<M[]>;
  @VersionedRelation() @OneToMany(() => P, (m) => m.r, { cascade: true }) ps: Relation<P[]>;
  @VersionedRelation() @OneToMany(() => L, (m) => m.r, { cascade: true, lazy: true }) ls: Promise<L[]>;
  @VersionedRelation() @OneToOne(() => O, (o) => o.r, { cascade: true }) o: Relation<O> | null;
}
@Entity()
class M {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() version: number;
  @DeleteDateColumn() d: Date | null;
  @ManyToOne(() => R, (r) => r.ms, { nullable: true }) r: Relation<R> | null;
}
@Entity()
class P {
  @PrimaryColumn("int") rId: number;
  @PrimaryColumn("int") no: number;
  @Column() name: string;
  @ManyToOne(() => R, (r) => r.ps) @JoinColumn({ name: "rId" }) r: Relation<R>;
}
@Entity()
class L {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => R, (r) => r.ls, { lazy: true }) r: Promise<R>;
}
@Entity()
class O {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @OneToOne(() => R, (r) => r.o) @JoinColumn() r: Relation<R> | null;
}
// root owning the one-to-one
@Entity()
class W {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation()
  @OneToOne(() => WD, (w) => w.w, { cascade: true })
  @JoinColumn()
  wd: Relation<WD> | null;
}
@Entity()
class WD {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @OneToOne(() => W, (w) => w.wd) w: Relation<W> | null;
}
// self-referencing root
@Entity()
class S {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => S, (s) => s.up, { cascade: true }) kids: Relation<S[]>;
  @ManyToOne(() => S, (s) => s.kids, { nullable: true }) up: Relation<S> | null;
}
// STI root
@Entity()
@TableInheritance({ column: { name: "type", type: "varchar" } })
class Doc {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) t: string;
  @RowVersion() version: number;
  @OneToMany(() => Pg, (p) => p.doc) all: Relation<Pg[]>;
}
@ChildEntity()
class Book extends Doc {
  @VersionedRelation() @OneToMany(() => Pg, (p) => p.book, { cascade: true }) pages: Relation<Pg[]>;
}
@ChildEntity()
class Note extends Doc {
  @Column({ nullable: true, type: "varchar" }) n: string;
}
@Entity()
@TableInheritance({ column: { name: "type", type: "varchar" } })
class Pg {
  @PrimaryGeneratedColumn() id: number;
  @Column() txt: string;
  @ManyToOne(() => Doc, (d) => d.all, { nullable: true }) doc: Relation<Doc>;
  @ManyToOne(() => Book, (b) => b.pages, { nullable: true }) book: Relation<Book>;
}
@ChildEntity()
class Pic extends Pg {
  @Column({ nullable: true, type: "varchar" }) url: string;
}
@UpdateAllColumns()
@Entity()
class UF {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion() v: number;
  @ManyToOne(() => W, { nullable: true }) w: Relation<W> | null;
  @Column({ nullable: true, type: "varchar" }) opt: string | null;
  @Column("int", { default: 3 }) def: number;
}
@Entity()
class Tg {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @ManyToMany(() => Tg2, (t) => t.tgs) @JoinTable() tg2s: Relation<Tg2[]>;
  @RowVersion() version: number;
}
@Entity()
class Tg2 {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @VersionedRelation() @ManyToMany(() => Tg, (t) => t.tg2s, { cascade: true }) tgs: Relation<Tg[]>;
  @RowVersion() version: number;
}

const all = [R, M, P, L, O, W, WD, S, Doc, Book, Note, Pg, Pic, UF, Tg, Tg2];
eachDatabase((scratch, db) => {
  let ds: DataSource;
  let second: DataSource;
  let id = 10;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), all));
    second = await openSecond(scratch(), all);
  });
  const ver = async (T: any, i: number) =>
    ((await ds.manager.findOne(T, { where: { id: i } as any, withDeleted: true })) as any)?.version;
  const rel = { ms: true, ps: true, o: true };
  const load = (i: number, m: EntityManager = ds.manager) =>
    m.findOneOrFail(R, { where: { id: i }, relations: rel });
  const make = async () => {
    const i = ++id;
    await ds.manager.save(
      Object.assign(new R(), {
        id: i,
        ms: [{ name: "a" }, { name: "b" }].map((x) => Object.assign(new M(), x)),
        ps: [1, 2].map((no) => Object.assign(new P(), { no, name: "p" })),
        ls: Promise.resolve([Object.assign(new L(), { name: "l" })]),
        o: Object.assign(new O(), { name: "o" }),
      }),
    );
    return load(i);
  };

  it("UpdateAllColumns: a new object with an unset nullable relation saves again", async () => {
    const e = await ds.manager.save(Object.assign(new UF(), { name: "a" }));
    e.name = "b";
    await ds.manager.save(e);
  });
  it("members whose key is the relation to the root", async () => {
    const r = await make();
    const v = r.version;
    r.ps[0]!.name = "x";
    await ds.manager.save(r);
    expect(await ver(R, r.id)).toBe(v + 1);
    r.ps.push(Object.assign(new P(), { no: 9, name: "n" }));
    await ds.manager.save(r);
    expect(await ver(R, r.id)).toBe(v + 2);
    r.ps[1]!.name = "alone";
    await ds.manager.save(r.ps[1]!);
    expect(await ver(R, r.id)).toBe(v + 3);
    expect(r.version).toBe(v + 3);
  });
  it("a member with a key that is the relation, removed", async () => {
    const r = await make();
    const v = r.version;
    await ds.manager.remove(r.ps[0]!);
    expect(await ver(R, r.id)).toBe(v + 1);
    await ds.manager.save(Object.assign(new P(), { r, no: 78, name: "by obj" }));
    expect(await ver(R, r.id)).toBe(v + 2);
    expect(r.version).toBe(v + 2);
  });
  it("lazy members", async () => {
    const r = await make();
    const v = r.version;
    const ls = await r.ls;
    ls[0]!.name = "x";
    await ds.manager.save(ls[0]!);
    expect(r.version).toBe(v + 1);
    ls.push(Object.assign(new L(), { name: "n" }));
    await ds.manager.save(r);
    expect(r.version).toBe(v + 2);
    (await r.ls)[0]!.name = "y";
    await ds.manager.save(r);
    expect(r.version).toBe(v + 3);
    const l2 = await ds.manager.findOneByOrFail(L, { id: ls[0]!.id });
    const rr = await l2.r;
    l2.name = "q";
    await ds.manager.save(l2);
    expect(rr.version).toBe(v + 4);
  });
  it("root and member in one save, both orders", async () => {
    for (const flip of [false, true]) {
      const r = await make();
      const v = r.version;
      r.note = "n";
      r.ms[0]!.name = "x";
      await ds.manager.save((flip ? [r.ms[0], r] : [r, r.ms[0]]) as any[]);
      expect([await ver(R, r.id), r.version]).toEqual([v + 1, v + 1]);
      r.note = "m";
      await ds.manager.save(r);
    }
  });
  it("remove, softRemove, recover of members alone and with the root", async () => {
    const r = await make();
    let v = r.version;
    const [m, k] = r.ms as [M, M];
    await ds.manager.softRemove(m);
    expect(r.version).toBe(++v);
    await ds.manager.recover(m);
    expect(r.version).toBe(++v);
    await ds.manager.softRemove([m, k]);
    expect(r.version).toBe(++v);
    await ds.manager.recover([k, m]);
    expect(r.version).toBe(++v);
    const q = await ds.manager.save(
      Object.assign(new R(), { id: ++id, ms: [Object.assign(new M(), { name: "a" })] }),
    );
    await ds.manager.softRemove([q.ms[0], q] as any[]);
    await ds.manager.recover([q, q.ms[0]] as any[]);
    expect(q.version).toBe(await ver(R, q.id));
    await ds.manager.softRemove(q);
    await ds.manager.recover(q.ms[0]!);
    await ds.manager.recover(q);
    expect(q.version).toBe(await ver(R, q.id));
    q.ms[0]!.name = "f";
    q.note = "f";
    await ds.manager.save(q);
    m.name = "again";
    await ds.manager.save(m);
    r.note = "again";
    await ds.manager.save(r);
    const stale = await load(r.id);
    await ds.manager.update(R, { id: r.id }, { note: "t" });
    await refusalOf(ds.manager.softRemove(stale.ms[0]!));
    await refusalOf(ds.manager.remove(stale.ms[0]!));
    await refusalOf(ds.manager.remove([stale.ms[0]!, stale.ms[1]!]));
    expect(await ds.manager.countBy(M, { r: { id: r.id } })).toBe(2);
    await ds.manager.remove(stale.ms[0]!, unchecked());
    await ds.manager.remove(stale.ms[1]!, withoutRoots());
  });
  it("a member saved while somebody deletes its root", async () => {
    const r = await make();
    const m = r.ms[0]!;
    await second.query(`UPDATE m SET ${db === "mariadb" ? "`rId`" : '"rId"'} = NULL`);
    await second.query(db === "mariadb" ? "DELETE FROM p" : 'DELETE FROM "p"');
    await second.query("DELETE FROM l");
    await second.query("DELETE FROM o");
    await second.manager.delete(R, { id: r.id });
    m.name = "x";
    const error = await refusalOf(ds.manager.save(m));
    expect(error.conflicts[0]).toMatchObject({ entityName: "R", reason: "deleted" });
  });
  it("a member that others have moved away (raw)", async () => {
    const r = await make();
    await second.manager.delete(M, { id: r.ms[0]!.id });
    r.ms[0]!.name = "x";
    await refusalOf(ds.manager.save(r));
    const error = await refusalOf(ds.manager.save(r.ms[0]!));
    expect(error.conflicts.map((c) => c.entityName)).toContain("M");
  });
  it("nested transactions and their rollback", async () => {
    const r = await make();
    const v = r.version;
    await ds.transaction(async (m) => {
      r.ms[0]!.name = "1";
      await m.save(r.ms[0]!);
      await m
        .transaction(async (k) => {
          r.ms[0]!.name = "2";
          await k.save(r.ms[0]!);
          r.ms.push(Object.assign(new M(), { name: "new" }));
          await k.save(r);
          throw 1;
        })
        .catch(() => 0);
      expect(r.version).toBe(v + 1);
      r.ms.pop();
      r.ms[0]!.name = "3";
      await m.save(r);
    });
    expect([r.version, await ver(R, r.id)]).toEqual([v + 2, v + 2]);
    r.note = "x";
    await ds.manager.save(r);
    await ds
      .transaction(async (m) => {
        r.ms[0]!.name = "4";
        await m.save(r.ms[0]!);
        throw 1;
      })
      .catch(() => 0);
    r.ms[0]!.name = "5";
    await ds.manager.save(r.ms[0]!);
    expect(r.version).toBe(v + 4);
  });
  it("owning one-to-one root", async () => {
    const w = await ds.manager.save(
      Object.assign(new W(), { id: ++id, wd: Object.assign(new WD(), { name: "a" }) }),
    );
    const v = w.version;
    w.wd!.name = "b";
    await ds.manager.save(w);
    expect(w.version).toBe(v + 1);
    const l = await ds.manager.findOneOrFail(W, { where: { id: w.id }, relations: { wd: true } });
    await ds.manager.save(Object.assign(l.wd!, { name: "c" }));
    expect([l.version, await ver(W, w.id)]).toEqual([v + 2, v + 2]);
    const alone = await ds.manager.findOneOrFail(WD, { where: { id: w.wd!.id }, relations: { w: true } });
    alone.name = "d";
    await ds.manager.save(alone);
    expect(await ver(W, w.id)).toBe(v + 3);
    const k = await ds.manager.findOneOrFail(W, { where: { id: w.id }, relations: { wd: true } });
    k.wd = null;
    await ds.manager.save(k);
    expect(k.version).toBe(v + 4);
  });
  it("owning one-to-one root: a member that was saved with its root is known to belong to it", async () => {
    const w = await ds.manager.save(
      Object.assign(new W(), { id: ++id, wd: Object.assign(new WD(), { name: "a" }) }),
    );
    await ds.manager.save(Object.assign(w.wd!, { name: "c" }));
    expect(await ver(W, w.id)).toBe(2);
  });
  it("one-to-many root: a member that was saved with its root is known to belong to it", async () => {
    const r = await ds.manager.save(
      Object.assign(new R(), { id: ++id, ms: [Object.assign(new M(), { name: "a" })] }),
    );
    await ds.manager.save(Object.assign(r.ms[0]!, { name: "c" }));
    expect(await ver(R, r.id)).toBe(2);
  });
  it("self-referencing roots", async () => {
    const s = await ds.manager.save(
      Object.assign(new S(), {
        id: ++id,
        kids: [Object.assign(new S(), { id: ++id, kids: [Object.assign(new S(), { id: ++id })] })],
      }),
    );
    const l = await ds.manager.findOneOrFail(S, { where: { id: s.id }, relations: { kids: { kids: true } } });
    const [a, b, c] = [l, l.kids[0]!, l.kids[0]!.kids[0]!];
    const v = [a.version, b.version, c.version];
    c.name = "x";
    await ds.manager.save(a);
    expect([a.version, b.version, c.version]).toEqual(v.map((x) => x + 1));
    b.kids = [];
    await ds.manager.save(b);
    expect([await ver(S, a.id), await ver(S, b.id), await ver(S, c.id)]).toEqual([
      v[0]! + 2,
      v[1]! + 2,
      v[2]! + 2,
    ]);
    expect([a.version, b.version]).toEqual([v[0]! + 2, v[1]! + 2]);
    a.name = "q";
    await ds.manager.save(a);
  });
  it("STI roots and members", async () => {
    const b = await ds.manager.save(
      Object.assign(new Book(), {
        id: ++id,
        pages: [Object.assign(new Pic(), { txt: "a" }), Object.assign(new Pg(), { txt: "b" })],
      }),
    );
    const l = await ds.manager.findOneOrFail(Book, { where: { id: b.id }, relations: { pages: true } });
    const v = l.version;
    l.pages[0]!.txt = "x";
    await ds.manager.save(l.pages[0]!);
    expect(l.version).toBe(v + 1);
    l.pages.push(Object.assign(new Pic(), { txt: "n" }));
    await ds.manager.save(l);
    expect(l.version).toBe(v + 2);
    const pg = await ds.manager.findOneOrFail(Pg, {
      where: { id: l.pages[1]!.id },
      relations: { book: true, doc: true },
    });
    pg.txt = "y";
    await ds.manager.save(pg);
    expect([await ver(Book, b.id), pg.book.version]).toEqual([v + 3, v + 3]);
    const byKey = await ds.manager.findOneOrFail(Pg, { where: { id: l.pages[1]!.id } });
    byKey.txt = "z";
    await ds.manager.save(byKey);
    const note = await ds.manager.save(Object.assign(new Note(), { id: ++id }));
    note.t = "x";
    await ds.manager.save(note);
    byKey.doc = note;
    await ds.manager.save(byKey);
    expect(note.version).toBe(2);
    await refusalOf(ds.manager.save(Object.assign(l.pages[0]!, { txt: "late" })));
  });
  it("m2m both directions through the versioned inverse side", async () => {
    const t2 = await ds.manager.save(
      Object.assign(new Tg2(), {
        id: ++id,
        tgs: [Object.assign(new Tg(), { id: ++id }), Object.assign(new Tg(), { id: ++id })],
      }),
    );
    const l = await ds.manager.findOneOrFail(Tg2, { where: { id: t2.id }, relations: { tgs: true } });
    const v = l.version;
    l.tgs.pop();
    await ds.manager.save(l);
    expect(l.version).toBe(v + 1);
    l.tgs[0]!.name = "x";
    await ds.manager.save(l.tgs[0]!);
    expect(l.version).toBe(v + 2);
    const t = await ds.manager.findOneOrFail(Tg, { where: { id: l.tgs[0]!.id }, relations: { tg2s: true } });
    t.name = "y";
    await ds.manager.save(t);
    expect(await ver(Tg2, l.id)).toBe(v + 3);
    await ds.manager.remove(t);
    expect(await ver(Tg2, l.id)).toBe(v + 4);
  });
  it("saves that touch two roots in opposite order do not deadlock", async () => {
    if (db === "sqlite") return;
    for (let i = 0; i < 6; i++) {
      const [a, b] = [await make(), await make()];
      const load2 = (x: DataSource) => Promise.all([load(a.id, x.manager), load(b.id, x.manager)]);
      const [p, q] = [await load2(ds), await load2(second)];
      const all = await withoutHanging(
        Promise.allSettled([
          ds.manager.save([
            Object.assign(p[0].ms[0]!, { name: "p" }),
            Object.assign(p[1].ms[0]!, { name: "p" }),
          ]),
          second.manager.save([
            Object.assign(q[1].ms[1]!, { name: "q" }),
            Object.assign(q[0].ms[1]!, { name: "q" }),
          ]),
        ]),
        20000,
      );
      for (const x of all) if (x.status === "rejected") expect(x.reason.code).toBe("OPTIMISTIC_LOCK");
      expect(all.filter((x) => x.status === "fulfilled")).toHaveLength(1);
    }
  });
  it("verifyUnchanged: several classes, nested, removed, saved", async () => {
    const r = await make();
    const w = await ds.manager.save(Object.assign(new W(), { id: ++id }));
    await ds.transaction(async (m) => {
      const [a, b] = [await load(r.id, m), await m.findOneByOrFail(W, { id: w.id })];
      await verifyUnchanged(m, [a, b, a.ms[0]!] as any[]);
      await m
        .transaction(async (k) => {
          await verifyUnchanged(k, b);
          await touch(k, b);
          throw 1;
        })
        .catch(() => 0);
      a.ms[0]!.name = "x";
      await m.save(a);
      await touch(m, b);
      await m.remove(b);
    });
    const w2 = await ds.manager.save(Object.assign(new W(), { id: ++id }));
    if (db === "sqlite") return;
    await refusalOf(
      ds.transaction(async (m) => {
        const b = await m.findOneByOrFail(W, { id: w2.id });
        await m.transaction((k) => verifyUnchanged(k, b));
        await touch(second.manager, await second.manager.findOneByOrFail(W, { id: w2.id }));
      }),
    );
  });
  it("missing tokens of roots", async () => {
    const r = await make();
    const part = await ds.manager.findOneOrFail(R, {
      where: { id: r.id },
      select: { id: true, ms: { id: true, name: true, version: true } } as any,
      relations: { ms: true },
    });
    part.ms[0]!.name = "x";
    await expect(ds.manager.save(part.ms[0]!)).rejects.toMatchObject({ code: "MISSING_TOKEN" });
    const m = await ds.manager.findOneByOrFail(M, { id: r.ms[0]!.id });
    m.name = "k";
    await ds.manager.save(m);
  });
  it("other options", async () => {
    const r = await make();
    let v = r.version;
    for (const o of [{ reload: false }, { listeners: false }, { transaction: false }, { chunk: 1 }]) {
      r.ms[0]!.name += "x";
      r.note += "x";
      await ds.manager.save(r, o);
      expect([r.version, await ver(R, r.id)]).toEqual([++v, v]);
      r.ms[0]!.name += "x";
      await ds.manager.save(r.ms[0]!, o);
      expect([r.version, await ver(R, r.id)]).toEqual([++v, v]);
      const s = await load(r.id);
      await ds.manager.update(R, { id: r.id }, { note: "t" });
      s.ms[0]!.name = "stale";
      s.ms.push(Object.assign(new M(), { name: "zz" }));
      await refusalOf(ds.manager.save(s, o));
      await refusalOf(ds.manager.save([s.ms[0]!, s.ms[2]!], o)).catch((e: unknown) => {
        throw e;
      });
      const f = await load(r.id);
      expect(f.ms.some((m) => m.name === "stale")).toBe(false);
      expect(f.ms).toHaveLength(2);
      Object.assign(r, f);
      v = await ver(R, r.id);
      Object.assign(r, { version: v });
      const again = await load(r.id);
      Object.assign(r, again);
      break;
    }
  });
  void OptimisticLocking;
  void ConcurrencyToken;
  void guardDataSource;
  void unguardDataSource;
});
