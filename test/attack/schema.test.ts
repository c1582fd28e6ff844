import { EntitySchema, type DataSource } from "typeorm";
import {
  expectVersion,
  guardDataSource,
  removeExpecting,
  touch,
  unguardDataSource,
  updateExpecting,
  verifyUnchanged,
  versionOf,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, openSecond, refusalOf } from "./support";

interface Car {
  id: number;
  name: string;
  version: number;
}
const Car = new EntitySchema<Car>({
  name: "car",
  columns: {
    id: { type: Number, primary: true },
    name: { type: String },
    version: { type: Number, version: true },
  },
});
interface App {
  id: number;
  name: string;
  etag: string;
}
const AppS = new EntitySchema<App>({
  name: "app",
  columns: { id: { type: Number, primary: true }, name: { type: String }, etag: { type: String } },
});
interface Rt {
  id: number;
  v: number;
  kids: Kd[];
}
interface Kd {
  id: number;
  name: string;
  rt: Rt;
}
const RtS = new EntitySchema<Rt>({
  name: "rt",
  columns: { id: { type: Number, primary: true }, v: { type: Number, version: true } },
  relations: { kids: { type: "one-to-many", target: "kd", inverseSide: "rt", cascade: true } },
});
const KdS = new EntitySchema<Kd>({
  name: "kd",
  columns: { id: { type: Number, primary: true }, name: { type: String } },
  relations: { rt: { type: "many-to-one", target: "rt", inverseSide: "kids" } },
});
let n = 0;
eachDatabase((scratch) => {
  let ds: DataSource;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), [Car, AppS, RtS, KdS], { guarded: false }));
    guardDataSource(ds, {
      entities: new Map<any, any>([
        [AppS, { rowVersion: { property: "etag", next: () => `e${++n}` } }],
        [RtS, { versionedRelations: ["kids"] }],
      ]),
    });
    await ds.manager.save(
      Car,
      [1, 2, 3, 4, 5, 6].map((id) => ({ id, name: "a" }) as Car),
    );
  });
  it("save, versionOf, expectVersion", async () => {
    const [c, s] = [
      await ds.manager.findOneByOrFail(Car, { id: 1 }),
      await ds.manager.findOneByOrFail(Car, { id: 1 }),
    ];
    await ds.manager.save(Car, Object.assign(c, { name: "b" }));
    expectVersion(s, versionOf(c));
    s.name = "c";
    await ds.manager.save(Car, s);
    expect(s.version).toBe(3);
  });
  it("touch of an entity of a schema without a class", async () => {
    const c = await ds.manager.findOneByOrFail(Car, { id: 2 });
    await touch(ds.manager, c);
    expect(c.version).toBe(2);
  });
  it("verifyUnchanged of an entity of a schema without a class", async () => {
    const c = await ds.manager.findOneByOrFail(Car, { id: 3 });
    await verifyUnchanged(ds.manager, c);
  });
  it("updateExpecting, removeExpecting by schema and name", async () => {
    const c = await ds.manager.findOneByOrFail(Car, { id: 4 });
    const t = await updateExpecting(ds.manager, Car, 4, versionOf(c), { name: "x" });
    await removeExpecting(ds.manager, "car", { id: 4 }, t);
  });
  it("next by entities", async () => {
    const a = await ds.manager.save(AppS, { id: 1, name: "a" } as App);
    expect(a.etag).toMatch(/^e/);
    const s = await ds.manager.findOneByOrFail(AppS, { id: 1 });
    await ds.manager.save(AppS, Object.assign(a, { name: "b" }));
    await ds.manager.save(AppS, Object.assign(a, { name: "c" }));
    await refusalOf(ds.manager.save(AppS, Object.assign(s, { name: "d" })));
  });
  it("versioned relation by entities", async () => {
    const r = await ds.manager.save(RtS, { id: 1, kids: [{ id: 1, name: "a" }] } as Rt);
    r.kids[0]!.name = "b";
    await ds.manager.save(RtS, r);
    expect(r.v).toBe(2);
    const l = await ds.manager.findOneOrFail(RtS, { where: { id: 1 }, relations: { kids: true } });
    l.kids[0]!.name = "c";
    await ds.manager.save(KdS, l.kids[0]!);
    expect(l.v).toBe(3);
    await refusalOf(ds.manager.save(RtS, { ...r, kids: [] }));
  });
  it("guard, unguard, guard again", async () => {
    const c = await ds.manager.findOneByOrFail(Car, { id: 5 });
    const t = versionOf(c);
    unguardDataSource(ds);
    c.name = "by bare";
    await ds.manager.save(Car, c);
    guardDataSource(ds, {
      entities: new Map<any, any>([
        [AppS, { rowVersion: { property: "etag", next: () => `e${++n}` } }],
        [RtS, { versionedRelations: ["kids"] }],
      ]),
    });
    c.name = "again";
    await ds.manager.save(Car, c);
    c.name = "again2";
    await ds.manager.save(Car, c);
    await refusalOf(updateExpecting(ds.manager, Car, 5, t, { name: "x" }));
  });
  it("frozen and cloned entities", async () => {
    const c = Object.freeze(await ds.manager.findOneByOrFail(Car, { id: 6 }));
    const t = versionOf(c);
    const clone = { ...c, name: "clone" };
    await ds.manager.save(Car, clone);
    await refusalOf(ds.manager.save(Car, { ...c, name: "clone2" }));
    await refusalOf(removeExpecting(ds.manager, Car, 6, t));
    expect((await refusalOf(ds.manager.remove(Car, { ...c }))).conflicts).toHaveLength(1);
  });
  it("two guarded DataSources", async () => {
    const other = await openSecond(scratch(), [Car, AppS, RtS, KdS]);
    const c = await ds.manager.findOneByOrFail(Car, { id: 1 });
    c.name = "by other";
    await other.manager.save(Car, c);
    c.name = "by first";
    await ds.manager.save(Car, c);
    c.name = "by other";
    await other.manager.save(Car, c);
    expect(versionOf(c)).toBe(versionOf(await ds.manager.findOneByOrFail(Car, { id: 1 })));
  });
});
