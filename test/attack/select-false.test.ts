import { Column, DeleteDateColumn, Entity, PrimaryColumn, UpdateDateColumn, type DataSource } from "typeorm";
import { OptimisticLocking, RowVersion, UpdateAllColumns } from "typeorm-concurrency";
import { eachDatabase, type QueryLog } from "../support/databases";
import { openFresh } from "./support";

@UpdateAllColumns()
@Entity()
class Whole {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
  @RowVersion() version: number;
}
@UpdateAllColumns()
@Entity()
class WholeDated {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @UpdateDateColumn() u: Date;
  @DeleteDateColumn() d: Date | null;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
  @RowVersion() version: number;
}
@OptimisticLocking({ compare: "all-columns" })
@Entity()
class AllCols {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @UpdateDateColumn() u: Date;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
}
@Entity()
class Plain {
  @PrimaryColumn("int") id: number;
  @Column() name: string;
  @UpdateDateColumn() u: Date;
  @Column({ nullable: true, type: "varchar", select: false }) hid: string | null;
}
eachDatabase((scratch) => {
  let ds: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: ds, log } = await openFresh(scratch(), [Whole, WholeDated, AllCols, Plain]));
  });
  it.each([
    ["whole", Whole],
    ["dated", WholeDated],
    ["all", AllCols],
  ] as const)("%s: a nullable select:false column survives saves", async (_n, T) => {
    await ds.manager.insert(T, { id: 1, name: "a", hid: "h" });
    const e: any = await ds.manager.findOneByOrFail(T as any, { id: 1 });
    for (const name of ["b", "c", "d"]) {
      e.name = name;
      const sql = await log.during(() => ds.manager.save(e));
      const [row] = (await ds.query(`SELECT * FROM ${ds.getMetadata(T).tablePath}`)) as any[];
      expect({ name, hid: row.hid, sql, e: { ...e } }).toEqual({
        name,
        hid: "h",
        sql: expect.anything(),
        e: expect.anything(),
      });
    }
  });
});
