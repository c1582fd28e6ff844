import {
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryGeneratedColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import { RowVersion, VersionedRelation } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh } from "./support";

@Entity()
class Ord {
  @PrimaryGeneratedColumn() id: number;
  @Column() note: string;
  @RowVersion() version: number;
  @VersionedRelation() @OneToMany(() => Itm, (i) => i.ord, { cascade: true }) items: Relation<Itm[]>;
}
@Entity()
class Itm {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => Ord, (o) => o.items) ord: Relation<Ord>;
}
// The same with nothing versioned, and with a back reference that cascades.
@Entity()
class Ord2 {
  @PrimaryGeneratedColumn() id: number;
  @Column() note: string;
  @RowVersion() version: number;
  @OneToMany(() => Itm2, (i) => i.ord, { cascade: true }) items: Relation<Itm2[]>;
}
@Entity()
class Itm2 {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @ManyToOne(() => Ord2, (o) => o.items, { cascade: ["insert", "update"] }) ord: Relation<Ord2>;
}

eachDatabase((scratch) => {
  let ds: DataSource;
  beforeAll(async () => {
    ({ dataSource: ds } = await openFresh(scratch(), [Ord, Itm, Ord2, Itm2]));
  });
  const cases = [
    ["versioned", Ord, Itm],
    ["cascading back reference", Ord2, Itm2],
  ] as const;
  const load = async (O: any, I: any): Promise<any> => {
    const o: any = await ds.manager.save(
      Object.assign(new O(), { note: "a", items: [Object.assign(new I(), { name: "x" })] }),
    );
    return ds.manager.findOneOrFail(O, { where: { id: o.id }, relations: { items: { ord: true } } as never });
  };
  it.each(cases)(
    "%s: a root that was loaded with its members and their root saves again and again",
    async (_n, O, I) => {
      const o = await load(O, I);
      for (const note of ["b", "c"]) {
        o.note = note;
        await ds.manager.save(o);
      }
    },
  );
  it.each(cases)("%s: its members save again and again through it", async (_n, O, I) => {
    const o = await load(O, I);
    for (const name of ["b", "c"]) {
      o.items[0].name = name;
      await ds.manager.save(o);
    }
  });
  it.each(cases)("%s: both of them, through the root", async (_n, O, I) => {
    const o = await load(O, I);
    for (const name of ["b", "c"]) {
      o.note = name;
      o.items[0].name = name;
      await ds.manager.save(o);
    }
  });
  it.each(cases)("%s: first the root, then the member alone", async (_n, O, I) => {
    const o = await load(O, I);
    o.note = "b";
    await ds.manager.save(o);
    o.items[0].name = "c";
    await ds.manager.save(o.items[0]);
  });
});
