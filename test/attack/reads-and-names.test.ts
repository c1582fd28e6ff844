import {
  Column,
  DefaultNamingStrategy,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  ChildEntity,
  TableInheritance,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  ConcurrencyToken,
  OptimisticLocking,
  RowVersion,
  VersionedRelation,
  guardDataSource,
  touch,
  updateExpecting,
  removeExpecting,
  versionOf,
  verifyUnchanged,
  unchecked,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf } from "./support";

class Snake extends DefaultNamingStrategy {
  override tableName(t: string, c: string) {
    return c ?? `T_${t}_x`;
  }
  override columnName(p: string, c: string, e: string[]) {
    return [...e, c ?? p].join("__").toUpperCase() + "_c";
  }
  override joinColumnName(r: string, c: string) {
    return `${r}_${c}_FK`;
  }
}
@Entity({ schema: "other" })
class XR {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @RowVersion({ source: "xmin" }) version: string;
  @VersionedRelation() @OneToMany(() => XM, (m) => m.r, { cascade: true }) ms: Relation<XM[]>;
  @ManyToMany(() => XM) @JoinTable() fav: Relation<XM[]>;
}
@Entity({ schema: "other" })
@TableInheritance({ column: { name: "kind", type: "varchar" } })
class XM {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ConcurrencyToken() @ManyToOne(() => XR, (r) => r.ms) r: Relation<XR>;
  @RowVersion({ source: "xmin" }) v: string;
}
@ChildEntity()
class XK extends XM {
  @Column({ nullable: true, type: "varchar" }) extra: string;
}

eachDatabase(
  (scratch) => {
    let ds: DataSource;
    beforeAll(async () => {
      const pre = scratch().dataSource([]);
      await pre.initialize();
      await pre.query("CREATE SCHEMA other");
      ({ dataSource: ds } = await openFresh(scratch(), [XR, XM, XK], {
        entityPrefix: "pre_",
        namingStrategy: new Snake(),
        dropSchema: false,
        cache: { duration: 100000 },
      }));
    });
    it("xmin with schema, prefix and naming strategy, in every read", async () => {
      const made = await ds.manager.save(
        Object.assign(new XR(), {
          name: "a",
          ms: [Object.assign(new XM(), { name: "m" }), Object.assign(new XK(), { name: "k", extra: "e" })],
          fav: [],
        }),
      );
      made.name = "b";
      await ds.manager.save(made);
      made.ms[1]!.name = "kk";
      await ds.manager.save(made);
      await ds.manager.save(Object.assign(made.ms[0]!, { name: "mm" }));
      for (const options of [
        { relations: { ms: true } },
        { relations: { ms: true }, skip: 0, take: 1 },
        { relations: { ms: true }, relationLoadStrategy: "query" },
      ] as any[]) {
        const r = (await ds.manager.find(XR, options))[0]!;
        const s = (await ds.manager.find(XR, options))[0]!;
        r.name += "x";
        r.ms[1]!.name += "y";
        await ds.manager.save(r);
        r.ms[0]!.name += "z";
        await ds.manager.save(r.ms[0]!);
        r.name += "!";
        await ds.manager.save(r);
        await verifyUnchanged(ds.manager, r);
        await touch(ds.manager, r);
        await touch(ds.manager, r.ms[0]!);
        s.ms[0]!.name = "stale";
        await refusalOf(ds.manager.save(s.ms[0]!));
        s.name = "stale";
        await refusalOf(ds.manager.save(s));
        await refusalOf(ds.manager.remove(s.ms[0]!));
      }
      const r = await ds.manager
        .createQueryBuilder(XR, "some_alias")
        .leftJoinAndSelect("some_alias.ms", "other_alias")
        .getMany();
      expect(r).toHaveLength(1);
      const one = await ds.manager.findOneByOrFail(XR, { id: made.id });
      const found = await ds.manager.findBy(XR, { version: one.version });
      expect(found).toHaveLength(1);
      const t = await updateExpecting(ds.manager, XR, made.id, versionOf(one), { name: "ue" });
      const t2 = await updateExpecting(ds.manager, XR, made.id, t, { name: "ue2" });
      await ds.transaction(async (m) => {
        const a = await updateExpecting(m, XR, made.id, t2, { name: "1" });
        const b = await updateExpecting(m, XR, made.id, a, { name: "2" });
        await refusalOf(updateExpecting(m, XR, made.id, a, { name: "3" }));
        await updateExpecting(m, XR, made.id, b, { name: "4" });
      });
      await ds.manager.upsert(XR, { id: made.id, name: "up" }, ["id"]);
      const cached = () => ds.manager.findOne(XR, { where: { id: made.id }, cache: true }) as Promise<XR>;
      const c1 = await cached();
      c1.name = "c1";
      await ds.manager.save(c1);
      const c2 = await cached();
      c2.name = "c2";
      await refusalOf(ds.manager.save(c2));
      c1.name = "c3";
      await ds.manager.save(c1);
      await ds
        .createQueryBuilder()
        .relation(XR, "ms")
        .of(c1)
        .remove(made.ms[0]!.id)
        .catch((e: unknown) => {
          throw e;
        });
      c1.name = "c4";
      await ds.manager.save(c1);
      await removeExpecting(
        ds.manager,
        XM,
        made.ms[0]!.id,
        versionOf(await ds.manager.findOneByOrFail(XM, { id: made.ms[0]!.id })),
      );
      const k = await ds.manager.findOneByOrFail(XM, { id: made.ms[1]!.id });
      expect(k).toBeInstanceOf(XK);
      k.name = "k2";
      await ds.manager.save(k, unchecked());
      k.name = "k3";
      await ds.manager.save(k);
      await ds.manager.remove(k);
    });
  },
  ["postgres"],
);
@Entity()
class ND {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion({ next: () => new Date(), type: Date }) version: Date;
}
@Entity()
class Own {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) t: string;
}
@Entity()
class Tok {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ConcurrencyToken() @ManyToOne(() => Own, { nullable: true }) own: Relation<Own> | null;
  @OneToMany(() => Kid, (k) => k.tok) kids: Relation<Kid[]>;
  @ManyToMany(() => Own) @JoinTable() many: Relation<Own[]>;
}
@Entity()
class Kid {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => Tok, (t) => t.kids, { nullable: true }) tok: Relation<Tok> | null;
}
eachDatabase((scratch) => {
  let ds: DataSource;
  let bare: DataSource;
  let id = 0;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), [ND, Own, Tok, Kid]));
    bare = await openSecond(scratch(), [ND, Own, Tok, Kid], { guarded: false });
  });
  it("a Date that the application makes: saves within one unit of precision", async () => {
    const e = await ds.manager.save(Object.assign(new ND(), { id: ++id, name: "a" }));
    const s = await ds.manager.findOneByOrFail(ND, { id });
    e.name = "b";
    await ds.manager.save(e);
    s.name = "s";
    await refusalOf(ds.manager.save(s));
    const s2 = await ds.manager.findOneByOrFail(ND, { id });
    await ds.manager.update(ND, { id }, { name: "u" });
    s2.name = "s";
    await refusalOf(ds.manager.save(s2));
    const s3 = await ds.manager.findOneByOrFail(ND, { id });
    await touch(ds.manager, await ds.manager.findOneByOrFail(ND, { id }));
    s3.name = "s";
    await refusalOf(ds.manager.save(s3));
  });
  it("a Date that the application makes: an upsert within one unit of precision", async () => {
    await ds.manager.save(Object.assign(new ND(), { id: ++id, name: "a" }));
    const s = await ds.manager.findOneByOrFail(ND, { id });
    await ds.manager.upsert(ND, { id, name: "upserted" }, ["id"]);
    s.name = "s";
    await refusalOf(ds.manager.save(s));
  });
  it("an upsert after saves that have pushed the Date ahead", async () => {
    const e = await ds.manager.save(Object.assign(new ND(), { id: ++id, name: "a" }));
    for (let i = 0; i < 4; i++) {
      e.name += "x";
      await ds.manager.save(e);
    }
    const s = await ds.manager.findOneByOrFail(ND, { id });
    await ds.manager.upsert(ND, { id, name: "upserted" }, ["id"]);
    const now = await ds.manager.findOneByOrFail(ND, { id });
    expect(now.version.getTime()).toBeGreaterThan(s.version.getTime());
  });
  it.each(["guarded"])("loadRelationIds, %s", async (w) => {
    const x = w === "bare" ? bare : ds;
    const i = (id += 10);
    await bare.manager.save([1, 2].map((n) => Object.assign(new Own(), { id: i + n })));
    await bare.manager.save(
      Object.assign(new Tok(), {
        id: i,
        name: "a",
        own: { id: i + 1 },
        many: [{ id: i + 1 }, { id: i + 2 }],
      }),
    );
    await bare.manager.save([1, 2].map((n) => Object.assign(new Kid(), { id: i + n, tok: { id: i } })));
    const t = await x.manager.findOneOrFail(Tok, { where: { id: i }, loadRelationIds: true });
    t.name = "b";
    let error: any;
    await x.manager.save(t).catch((e: unknown) => (error = String(e).slice(0, 90)));
    if (!error) {
      t.name = "c";
      await x.manager.save(t);
    }
    const now = await bare.manager.findOneOrFail(Tok, {
      where: { id: i },
      relations: { own: true, kids: true, many: true },
    });
    expect({ error, own: now.own?.id, kids: now.kids.length, many: now.many.length }).toEqual({
      error: undefined,
      own: i + 1,
      kids: 2,
      many: 2,
    });
  });
});

@Entity()
class Coarse {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @RowVersion({
    source: "database",
    type: "timestamp",
    default: () => "CURRENT_TIMESTAMP",
    onUpdate: "CURRENT_TIMESTAMP",
  })
  version: Date;
}
eachDatabase(
  (scratch) => {
    it("a database's version that keeps whole seconds is an error, or sees every write", async () => {
      const ds = scratch().dataSource([Coarse], { synchronize: true });
      guardDataSource(ds);
      const outcome = await ds.initialize().then(
        () => undefined,
        (e: unknown) => e,
      );
      if (outcome) return expect(outcome).toMatchObject({ code: "GUARD_CONFIGURATION" });
      await new Promise((r) => setTimeout(r, 1005 - (Date.now() % 1000)));
      await ds.manager.save(Object.assign(new Coarse(), { id: 1, name: "a" }));
      const [a, b] = [
        await ds.manager.findOneByOrFail(Coarse, { id: 1 }),
        await ds.manager.findOneByOrFail(Coarse, { id: 1 }),
      ];
      a.name = "x";
      await ds.manager.save(a);
      b.name = "y";
      await refusalOf(ds.manager.save(b));
    });
  },
  ["mariadb"],
);
void OptimisticLocking;
