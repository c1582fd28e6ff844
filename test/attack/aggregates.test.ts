import {
  Column,
  Entity,
  EventSubscriber,
  JoinColumn,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  type DataSource,
  type EntitySubscriberInterface,
  type Relation,
  type UpdateEvent,
} from "typeorm";
import { RowVersion, VersionedRelation, touch, updateExpecting, versionOf } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, withoutHanging } from "./support";

@Entity()
class Ord {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) note: string;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => Itm, (i) => i.ord) items: Relation<Itm[]>;
}
@Entity()
class Itm {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @Column("int", { nullable: true }) ordId: number | null;
  @ManyToOne(() => Ord, (o) => o.items) @JoinColumn({ name: "ordId" }) ord: Relation<Ord> | null;
}
// m2m: versioned on the inverse side
@Entity()
class Tag {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation() @ManyToMany(() => Post, (p) => p.tags) posts: Relation<Post[]>;
}
@Entity()
class Post {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) title: string;
  @ManyToMany(() => Tag, (t) => t.posts) @JoinTable() tags: Relation<Tag[]>;
}
// m2m: versioned on the owning side
@Entity()
class Tag2 {
  @PrimaryColumn("int") id: number;
  @ManyToMany(() => Post2, (p) => p.tags) posts: Relation<Post2[]>;
}
@Entity()
class Post2 {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation() @ManyToMany(() => Tag2, (t) => t.posts) @JoinTable() tags: Relation<Tag2[]>;
}
// nested
@Entity()
class Top {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => Mid, (m) => m.top, { cascade: true }) mids: Relation<Mid[]>;
}
@Entity()
class Mid {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @ManyToOne(() => Top, (t) => t.mids) top: Relation<Top>;
  @VersionedRelation() @OneToMany(() => Low, (l) => l.mid, { cascade: true }) lows: Relation<Low[]>;
}
@Entity()
class Low {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ManyToOne(() => Mid, (m) => m.lows) mid: Relation<Mid>;
}
@Entity()
class Audit {
  @PrimaryGeneratedColumn() id: number;
  @Column() what: string;
  @RowVersion() version: number;
}

const hooks: {
  beforeUpdate?: (e: UpdateEvent<any>) => Promise<void>;
  afterUpdate?: (e: UpdateEvent<any>) => Promise<void>;
} = {};
@EventSubscriber()
class Sub implements EntitySubscriberInterface {
  async beforeUpdate(e: UpdateEvent<any>) {
    const h = hooks.beforeUpdate;
    delete hooks.beforeUpdate;
    await h?.(e);
  }
  async afterUpdate(e: UpdateEvent<any>) {
    const h = hooks.afterUpdate;
    delete hooks.afterUpdate;
    await h?.(e);
  }
}

eachDatabase((scratch) => {
  let ds: DataSource;
  let id = 100;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(
      scratch(),
      [Ord, Itm, Tag, Post, Tag2, Post2, Top, Mid, Low, Audit],
      { subscribers: [Sub] },
    ));
  });
  afterEach(() => {
    delete hooks.beforeUpdate;
    delete hooks.afterUpdate;
  });
  const ord = async () => ds.manager.save(Object.assign(new Ord(), { id: ++id }));
  const ver = async (T: any, id: number) => ((await ds.manager.findOneByOrFail(T, { id })) as any).version;

  it("a new member that names its root by the foreign key's property raises it", async () => {
    const o = await ord();
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ordId: o.id }));
    expect(await ver(Ord, o.id)).toBe(2);
  });
  it("a member moved by the foreign key's property raises both", async () => {
    const [a, b] = [await ord(), await ord()];
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: a }));
    const v = await ver(Ord, a.id);
    const m = await ds.manager.findOneByOrFail(Itm, { id });
    m.ordId = b.id;
    await ds.manager.save(m);
    expect([await ver(Ord, a.id), await ver(Ord, b.id)]).toEqual([(v as number) + 1, 2]);
  });
  it("a member that is taken by another root without cascade raises the one it leaves", async () => {
    const [a0, b0] = [await ord(), await ord()];
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: a0 }));
    const v = await ver(Ord, a0.id);
    const b = await ds.manager.findOneOrFail(Ord, { where: { id: b0.id }, relations: { items: true } });
    b.items.push(await ds.manager.findOneByOrFail(Itm, { id }));
    await ds.manager.save(b);
    expect((await ds.manager.findOneByOrFail(Itm, { id })).ordId).toBe(b.id);
    expect([await ver(Ord, a0.id), await ver(Ord, b0.id)]).toEqual([(v as number) + 1, 2]);
  });
  it("m2m: inverse side versioned, changed on the owning side", async () => {
    const t = await ds.manager.save(Object.assign(new Tag(), { id: ++id }));
    const p = await ds.manager.save(Object.assign(new Post(), { id: ++id, tags: [] as Tag[] }));
    p.tags = [t];
    await ds.manager.save(p);
    expect(await ver(Tag, t.id)).toBe(2);
    p.tags = [];
    await ds.manager.save(p);
    expect(await ver(Tag, t.id)).toBe(3);
  });
  it("m2m: owning side versioned, changed on the inverse side", async () => {
    const p = await ds.manager.save(Object.assign(new Post2(), { id: ++id }));
    const t = await ds.manager.save(Object.assign(new Tag2(), { id: ++id, posts: [] as Post2[] }));
    t.posts = [p];
    await ds.manager.save(t);
    expect(await ver(Post2, p.id)).toBe(2);
  });
  it("m2m: relation builder on the other side", async () => {
    const p = await ds.manager.save(Object.assign(new Post2(), { id: ++id }));
    const t = await ds.manager.save(Object.assign(new Tag2(), { id: ++id }));
    await ds.createQueryBuilder().relation(Tag2, "posts").of(t).add(p);
    expect(await ver(Post2, p.id)).toBe(2);
    await ds.createQueryBuilder().relation(Tag2, "posts").of(t.id).remove(p.id);
    expect(await ver(Post2, p.id)).toBe(3);
    const q = await ds.manager.findOneByOrFail(Post2, { id: p.id });
    await ds.createQueryBuilder().relation(Post2, "tags").of([q]).addAndRemove([t.id], []);
    expect(await ver(Post2, p.id)).toBe(q.version);
  });
  it("relation builder set(null) of a member loaded with its root", async () => {
    const o = await ord();
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
    const v = await ver(Ord, o.id);
    const m = await ds.manager.findOneOrFail(Itm, { where: { id }, relations: { ord: true } });
    await ds.createQueryBuilder().relation(Itm, "ord").of(m).set(null);
    expect(await ver(Ord, o.id)).toBe((v as number) + 1);
  });
  it("relation builder set(other) of a member that holds its foreign key raises the one it leaves", async () => {
    const [o, b] = [await ord(), await ord()];
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
    const v = await ver(Ord, o.id);
    const m = await ds.manager.findOneOrFail(Itm, { where: { id } });
    await ds.createQueryBuilder().relation(Itm, "ord").of(m).set(b);
    expect(await ver(Ord, b.id)).toBe(2);
    expect(await ver(Ord, o.id)).toBe((v as number) + 1);
  });
  it("two members of one root saved at the same time", async () => {
    const o = await ord();
    for (const name of ["x", "y"])
      await ds.manager.save(Object.assign(new Itm(), { id: ++id, name, ord: o }));
    const l = await ds.manager.findOneOrFail(Ord, { where: { id: o.id }, relations: { items: true } });
    l.items.forEach((i) => (i.name += "!"));
    await Promise.all(l.items.map((i) => ds.manager.save(i)));
  });
  it("two touches of one object at the same time", async () => {
    const o = await ord();
    await Promise.all([touch(ds.manager, o), touch(ds.manager, o)]);
  });
  it("a touch and a save of one object at the same time", async () => {
    const o = await ord();
    o.note = "x";
    await Promise.all([touch(ds.manager, o), ds.manager.save(o)]);
  });
  it("nested: a grandchild saved alone raises both roots above it", async () => {
    const i = (id += 10);
    await ds.manager.save(
      Object.assign(new Top(), {
        id: i,
        mids: [Object.assign(new Mid(), { id: i, lows: [Object.assign(new Low(), { id: i, name: "a" })] })],
      }),
    );
    const t = await ds.manager.findOneOrFail(Top, { where: { id: i }, relations: { mids: { lows: true } } });
    t.mids[0]!.lows[0]!.name = "b";
    await ds.manager.save(t.mids[0]!.lows[0]!);
    expect([await ver(Mid, i), await ver(Top, i)]).toEqual([2, 2]);
  });
  it("nested: a grandchild saved through the middle raises both roots above it", async () => {
    const i = (id += 10);
    await ds.manager.save(
      Object.assign(new Top(), {
        id: i,
        mids: [Object.assign(new Mid(), { id: i, lows: [Object.assign(new Low(), { id: i, name: "a" })] })],
      }),
    );
    const t = await ds.manager.findOneOrFail(Top, { where: { id: i }, relations: { mids: { lows: true } } });
    t.mids[0]!.lows[0]!.name = "b";
    await ds.manager.save(t.mids[0]!);
    expect([await ver(Mid, i), await ver(Top, i)]).toEqual([2, 2]);
    t.mids[0]!.lows[0]!.name = "c";
    await ds.manager.save(t);
    expect([await ver(Mid, i), await ver(Top, i)]).toEqual([3, 3]);
  });

  describe("listeners", () => {
    it("touch in a listener of the same row's save", async () => {
      const o = await ord();
      hooks.beforeUpdate = async (e) => void (await touch(e.manager, e.entity as Ord));
      o.note = "x";
      await withoutHanging(ds.manager.save(o));
      expect(await ver(Ord, o.id)).toBe(o.version);
      o.note = "y";
      await ds.manager.save(o);
    });
    it("updateExpecting in a listener of the same row's save", async () => {
      const o = await ord();
      hooks.beforeUpdate = async (e) =>
        void (await updateExpecting(e.manager, Ord, o.id, versionOf(o), { note: "z" }));
      o.note = "x";
      await withoutHanging(ds.manager.save(o));
      expect(await ver(Ord, o.id)).toBe(o.version);
    });
    it("manager.update in a listener of the same row's save (works)", async () => {
      const o = await ord();
      hooks.beforeUpdate = async (e) => void (await e.manager.update(Ord, { id: o.id }, { note: "z" }));
      o.note = "x";
      await withoutHanging(ds.manager.save(o));
      expect(await ver(Ord, o.id)).toBe(o.version);
    });
    it("touch of the root in a listener of a member's save, which has raised it", async () => {
      const o = await ord();
      const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      hooks.afterUpdate = async (e) => void (await touch(e.manager, o));
      i.name = "y";
      await withoutHanging(ds.manager.save(i));
      expect(await ver(Ord, o.id)).toBe(o.version);
      o.note = "again";
      await ds.manager.save(o);
    });
    it("save of the root in a listener of a member's save, which has raised it", async () => {
      const o = await ord();
      const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      hooks.afterUpdate = async (e) => void (await e.manager.save(Object.assign(o, { note: "by listener" })));
      i.name = "y";
      await withoutHanging(ds.manager.save(i));
      expect(await ver(Ord, o.id)).toBe(o.version);
      o.note = "again";
      await ds.manager.save(o);
    });
    it("save of another member of the same root in a listener", async () => {
      const o = await ord();
      const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      const j = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      hooks.afterUpdate = async (e) => void (await e.manager.save(Object.assign(j, { name: "by listener" })));
      i.name = "y";
      await withoutHanging(ds.manager.save(i));
      expect(await ver(Ord, o.id)).toBe(o.version);
      o.note = "again";
      await ds.manager.save(o);
    });
    it("before: save of another member of the same root in a listener", async () => {
      const o = await ord();
      const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      const j = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      hooks.beforeUpdate = async (e) =>
        void (await e.manager.save(Object.assign(j, { name: "by listener" })));
      i.name = "y";
      await withoutHanging(ds.manager.save(i));
      expect(await ver(Ord, o.id)).toBe(o.version);
      o.note = "again";
      await ds.manager.save(o);
    });
    it("relation builder on the root in a listener of a member's save", async () => {
      const o = await ord();
      const i = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: o }));
      const j = await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x" }));
      hooks.afterUpdate = async (e) =>
        void (await e.manager.createQueryBuilder().relation(Ord, "items").of(o).add(j));
      i.name = "y";
      await withoutHanging(ds.manager.save(i));
      expect(await ver(Ord, o.id)).toBe(o.version);
    });
  });
  it("after a rolled back move a member still belongs to its root", async () => {
    const [a, b] = [await ord(), await ord()];
    await ds.manager.save(Object.assign(new Itm(), { id: ++id, name: "x", ord: a }));
    const l = await ds.manager.findOneOrFail(Ord, { where: { id: a.id }, relations: { items: true } });
    const m = l.items[0]!;
    await ds
      .transaction(async (t) => {
        m.ord = b;
        await t.save(m);
        throw new Error("undo");
      })
      .catch(() => undefined);
    delete (m as any).ord;
    m.name = "z";
    m.ordId = a.id;
    await ds.manager.update(Ord, { id: a.id }, { note: "theirs" });
    await expect(ds.manager.save(m)).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
  });
});
