import {
  ChildEntity,
  Column,
  CreateDateColumn,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  JoinColumn,
  ManyToOne,
  OneToMany,
  OneToOne,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  UpdateDateColumn,
  VersionColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  guardDataSource,
  OptimisticLocking,
  RowVersion,
  UpdateAllColumns,
  expectVersion,
  removeExpecting,
  touch,
  updateExpecting,
  verifyUnchanged,
  versionOf,
  unguardDataSource,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf } from "./support";

@Entity()
class Key2 {
  @PrimaryColumn("int") a: number;
  @PrimaryColumn("int") b: number;
  @Column({ default: "" }) t: string;
}
@Entity()
class One {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) t: string;
}
@UpdateAllColumns()
@Entity()
class WholeComposite {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => Key2, { nullable: true }) owner: Relation<Key2> | null;
  @RowVersion() version: number;
}
@UpdateAllColumns()
@Entity()
class WholeLazy {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => One, { lazy: true, nullable: true }) owner: Promise<One | null>;
  @RowVersion() version: number;
}
class Addr {
  @Column({ nullable: true, type: "varchar" }) street: string | null;
  @ManyToOne(() => One, { nullable: true }) one: Relation<One> | null;
}
@UpdateAllColumns()
@Entity()
class WholeEmb {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @Column(() => Addr) addr: Addr;
  @CreateDateColumn() c: Date;
  @UpdateDateColumn() u: Date;
  @DeleteDateColumn() d: Date | null;
  @Column({ type: "simple-json", nullable: true }) j: unknown;
  @Column({ type: "simple-array", nullable: true }) arr: string[] | null;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
  @Column({ nullable: true, type: "varchar", update: false }) fix: string | null;
  @RowVersion() version: number;
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
@TableInheritance({ column: { type: "varchar", name: "type" } })
class AllBase {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
}
@ChildEntity()
class AllKid extends AllBase {
  @Column({ nullable: true, type: "varchar" }) extra: string | null;
}
@UpdateAllColumns()
@Entity()
@TableInheritance({ column: { type: "varchar", name: "type" } })
class WholeBase {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion() version: number;
}
@ChildEntity()
class WholeKid extends WholeBase {
  @Column({ nullable: true, type: "varchar" }) extra: string | null;
  @ManyToOne(() => One, { nullable: true }) one: Relation<One> | null;
}
@Entity()
@TableInheritance({ column: { type: "varchar", name: "type" } })
class VerBase {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
}
@ChildEntity()
class VerKid extends VerBase {
  @VersionColumn({ nullable: true }) version: number;
}
@ChildEntity()
class VerKid2 extends VerBase {
  @Column({ nullable: true, type: "varchar" }) other: string;
}
@Entity()
@TableInheritance({ column: { type: "varchar", name: "type" } })
class TokBase {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
}
@ChildEntity()
class TokKid extends TokBase {
  @Column({ nullable: true, type: "varchar" }) state: string;
}

@OptimisticLocking({ compare: "all-columns" })
@Entity()
class AllTree {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => AllTree, (t) => t.kids, { nullable: true }) parent: Relation<AllTree> | null;
  @OneToMany(() => AllTree, (t) => t.parent, { cascade: true }) kids: Relation<AllTree[]>;
}
@OptimisticLocking({ compare: "changed-columns" })
@Entity()
class ChComposite {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => Key2, { nullable: true }) owner: Relation<Key2> | null;
}
@Entity()
class Prof {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ConcurrencyToken() @OneToOne(() => One, { nullable: true }) @JoinColumn() one: Relation<One> | null;
}

const all = [
  Key2,
  One,
  WholeComposite,
  WholeLazy,
  WholeEmb,
  AllBase,
  AllKid,
  WholeBase,
  WholeKid,
  VerBase,
  VerKid,
  VerKid2,
  TokBase,
  TokKid,
  AllTree,
  ChComposite,
  Prof,
];

eachDatabase((scratch, db) => {
  let ds: DataSource;
  let bare: DataSource;
  let id = 0;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), all, { guarded: false }));
    guardDataSource(ds, { entities: new Map([[TokKid, { concurrencyTokens: ["state"] }]]) });
    bare = await openSecond(scratch(), all, { guarded: false });
    await bare.manager.save(Object.assign(new Key2(), { a: 1, b: 2 }));
    await bare.manager.save(Object.assign(new Key2(), { a: 3, b: 4 }));
    for (const i of [1, 2]) await bare.manager.save(Object.assign(new One(), { id: i }));
  });
  const fk = (rel = "owner") => ({ relations: { [rel]: true } }) as any;

  it.each([true, false])(
    "UpdateAllColumns writes a composite hidden foreign key as it was (loaded: %p)",
    async (loaded) => {
      await bare.manager.save(
        Object.assign(new WholeComposite(), { id: ++id, name: "a", version: 1, owner: { a: 1, b: 2 } }),
      );
      const e = await ds.manager.findOneOrFail(WholeComposite, { where: { id }, ...(loaded ? fk() : {}) });
      e.name = "b";
      await ds.manager.save(e);
      expect(
        (await bare.manager.findOneOrFail(WholeComposite, { where: { id }, ...fk() })).owner,
      ).toMatchObject({ a: 1, b: 2 });
    },
  );
  it.each([true, false])(
    "UpdateAllColumns writes a lazy foreign key as it was (loaded: %p)",
    async (loaded) => {
      await bare.manager.save(
        Object.assign(new WholeLazy(), {
          id: ++id,
          name: "a",
          version: 1,
          owner: Promise.resolve({ id: 1 }),
        }),
      );
      const e = await ds.manager.findOneOrFail(WholeLazy, { where: { id } });
      if (loaded) await e.owner;
      e.name = "b";
      await ds.manager.save(e);
      expect(await (await bare.manager.findOneOrFail(WholeLazy, { where: { id } })).owner).toMatchObject({
        id: 1,
      });
    },
  );
  it("UpdateAllColumns with embedded and special columns", async () => {
    await bare.manager.save(
      Object.assign(new WholeEmb(), {
        id: ++id,
        name: "a",
        version: 1,
        addr: { street: "s", one: { id: 1 } },
        j: { a: [1, { b: 2 }] },
        arr: ["x", "y"],
        hid: "h",
        fix: "f",
      }),
    );
    const e = await ds.manager.findOneOrFail(WholeEmb, { where: { id } });
    e.name = "b";
    await ds.manager.save(e);
    e.name = "c";
    await ds.manager.save(e);
    const now = await bare.manager
      .createQueryBuilder(WholeEmb, "e")
      .addSelect("e.hid")
      .leftJoinAndSelect("e.addr.one", "o")
      .where("e.id = :id", { id })
      .getOneOrFail();
    expect(now).toMatchObject({
      name: "c",
      addr: { street: "s", one: { id: 1 } },
      j: { a: [1, { b: 2 }] },
      arr: ["x", "y"],
      hid: "h",
      fix: "f",
      version: 3,
      d: null,
    });
    expect(now.c).toEqual(e.c);
    await ds.manager.softRemove(e);
    await ds.manager.recover(e);
    e.name = "d";
    await ds.manager.save(e);
  });
  it("all-columns on a concrete STI parent", async () => {
    await bare.manager.save(Object.assign(new AllBase(), { id: ++id, name: "a" }));
    const e = await ds.manager.findOneByOrFail(AllBase, { id });
    e.name = "b";
    await ds.manager.save(e);
    e.name = "c";
    await ds.manager.save(e);
    const n = await ds.manager.save(Object.assign(new AllBase(), { id: ++id, name: "n" }));
    n.name = "m";
    await ds.manager.save(n);
    await ds.manager.remove(n);
  });
  it("all-columns on an STI child, also loaded by its parent", async () => {
    await bare.manager.save(Object.assign(new AllKid(), { id: ++id, name: "a", extra: "x" }));
    const e = (await ds.manager.findOneByOrFail(AllBase, { id })) as AllKid;
    const s = await ds.manager.findOneByOrFail(AllKid, { id });
    e.extra = "b";
    await ds.manager.save(e);
    s.name = "c";
    await refusalOf(ds.manager.save(s));
    await updateExpecting(ds.manager, AllKid, id, versionOf(e), { name: "z" });
  });
  it("UpdateAllColumns on a concrete STI parent", async () => {
    await bare.manager.save(Object.assign(new WholeBase(), { id: ++id, name: "a" }));
    const e = await ds.manager.findOneByOrFail(WholeBase, { id });
    e.name = "b";
    await ds.manager.save(e);
  });
  it("UpdateAllColumns on an STI child", async () => {
    await bare.manager.save(
      Object.assign(new WholeKid(), { id: ++id, name: "a", extra: "x", one: { id: 1 } }),
    );
    const e = await ds.manager.findOneByOrFail(WholeBase, { id });
    e.name = "b";
    await ds.manager.save(e);
    expect(await bare.manager.findOneOrFail(WholeKid, { where: { id }, ...fk("one") })).toMatchObject({
      extra: "x",
      one: { id: 1 },
      name: "b",
    });
  });
  it("a version column of one STI child is none of its parent's, nor its siblings'", async () => {
    await bare.manager.save(Object.assign(new VerKid2(), { id: ++id, name: "a", other: "o" }));
    const k = await ds.manager.findOneByOrFail(VerBase, { id });
    k.name = "b";
    await ds.manager.save(k);
    await bare.manager.save(Object.assign(new VerBase(), { id: ++id, name: "a" }));
    const e = await ds.manager.findOneByOrFail(VerBase, { id });
    e.name = "b";
    await ds.manager.save(e);
  });
  it("tokens declared by `entities` for an STI child are none of its parent's", async () => {
    await bare.manager.save(Object.assign(new TokBase(), { id: ++id, name: "a" }));
    const e = await ds.manager.findOneByOrFail(TokBase, { id });
    e.name = "b";
    await ds.manager.save(e);
  });
  it("all-columns self-referencing in lists and cascades", async () => {
    const p = await ds.manager.save(
      Object.assign(new AllTree(), { name: "p", kids: [Object.assign(new AllTree(), { name: "k" })] }),
    );
    p.kids[0]!.name = "k2";
    p.name = "p2";
    await ds.manager.save(p);
    p.kids[0]!.name = "k3";
    await ds.manager.save(p.kids[0]!);
    const k = await ds.manager.findOneOrFail(AllTree, { where: { id: p.kids[0]!.id } });
    const q = await ds.manager.save(Object.assign(new AllTree(), { name: "q" }));
    q.kids = [p.kids[0]!];
    await ds.manager.save(q);
    k.name = "late";
    await refusalOf(ds.manager.save(k));
    const k2 = await ds.manager.findOneOrFail(AllTree, {
      where: { id: p.kids[0]!.id },
      relations: { parent: true },
    });
    expect(k2.parent?.id).toBe(q.id);
    k2.name = "fine";
    await ds.manager.save(k2);
    p.kids = [];
    p.name = "p3";
    await ds.manager.save(p);
  });
  it("changed-columns with a composite hidden foreign key", async () => {
    await bare.manager.save(Object.assign(new ChComposite(), { id: ++id, name: "a", owner: { a: 1, b: 2 } }));
    const [e, s] = [
      await ds.manager.findOneOrFail(ChComposite, { where: { id } }),
      await ds.manager.findOneOrFail(ChComposite, { where: { id } }),
    ];
    e.owner = await ds.manager.findOneByOrFail(Key2, { a: 3 });
    await ds.manager.save(e);
    e.name = "x";
    await ds.manager.save(e);
    s.owner = null;
    const error = await refusalOf(ds.manager.save(s));
    expect(error.conflicts[0]!.expected).not.toEqual({ owner: 2 });
    s.owner = undefined as any;
    s.name = "x2";
  });
  it("one-to-one token", async () => {
    const e = await ds.manager.save(
      Object.assign(new Prof(), { name: "a", one: Object.assign(new One(), { id: 1 }) }),
    );
    e.name = "b";
    await ds.manager.save(e);
    e.one = null as never;
    await ds.manager.save(e);
    e.name = "c";
    await ds.manager.save(e);
    const s = await ds.manager.findOneByOrFail(Prof, { id: e.id });
    e.one = Object.assign(new One(), { id: 2 });
    await ds.manager.save(e);
    s.name = "x";
    await refusalOf(ds.manager.save(s));
    await refusalOf(ds.manager.remove(s));
  });
  void db;
  void expectVersion;
  void removeExpecting;
  void touch;
  void verifyUnchanged;
  void unguardDataSource;
  void ConcurrencyToken;
  void EntitySchema;
});
