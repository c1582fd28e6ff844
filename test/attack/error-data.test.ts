import { Column, Entity, ManyToOne, OneToMany, PrimaryGeneratedColumn, type Relation } from "typeorm";
import { RowVersion, VersionedRelation, ConcurrencyToken } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";
import { openFresh, refusalOf } from "./support";
import { PrimaryColumn } from "typeorm";
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
@Entity()
class Key2 {
  @PrimaryColumn("int") a: number;
  @PrimaryColumn("int") b: number;
  @Column({ default: "" }) t: string;
}
@Entity()
class Ref {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @ConcurrencyToken() @ManyToOne(() => Key2) owner: Relation<Key2>;
}
eachDatabase(
  (scratch) => {
    it("a composite foreign key is reported whole", async () => {
      const { dataSource: ds } = await openFresh(scratch(), [Key2, Ref]);
      await ds.manager.save([
        Object.assign(new Key2(), { a: 1, b: 9 }),
        Object.assign(new Key2(), { a: 2, b: 9 }),
      ]);
      await ds.manager.save(Object.assign(new Ref(), { id: 1, name: "a", owner: { a: 1, b: 9 } }));
      const s = await ds.manager.findOneByOrFail(Ref, { id: 1 });
      await ds.manager.update(Ref, { id: 1 }, { owner: { a: 2, b: 9 } });
      s.name = "s";
      const e = await refusalOf(ds.manager.save(s));
      expect(e.conflicts[0]!.expected).not.toEqual(e.conflicts[0]!.actual);
    });
  },
  ["sqlite"],
);
