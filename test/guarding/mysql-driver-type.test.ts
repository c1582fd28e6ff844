import { Column, Entity, PrimaryColumn, type DataSource } from "typeorm";
import { ConcurrencyToken, guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Setting {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @ConcurrencyToken() @Column("json") value: object;
  @ConcurrencyToken() @Column("decimal", { precision: 6, scale: 2, default: 0 }) weight: string;
  @Column({ default: "" }) note: string;
}

// Many applications reach a MariaDB server with the driver type of MySQL, and TypeORM then writes SQL for MySQL.
eachDatabase(
  (scratch) => {
    let mine: DataSource;
    beforeAll(async () => {
      mine = guardDataSource(scratch().dataSource([Setting], { type: "mysql", synchronize: true }));
      await mine.initialize();
    });
    beforeEach(async () => {
      await mine.manager.clear(Setting);
      await mine.manager.save(
        [1, 2].map((id) => mine.manager.create(Setting, { id, value: { a: id }, weight: "1.239" })),
      );
    });
    const settings = (): Promise<Setting[]> => mine.manager.find(Setting, { order: { id: "ASC" } });
    const isRefused = (work: Promise<unknown>): Promise<boolean> =>
      work.then(() => false, isOptimisticLockError);

    it("saves, and saves again, with tokens read back in the save's transaction", async () => {
      const [setting] = (await settings()) as [Setting];
      for (const weight of ["2.001", "3.006"]) {
        setting.weight = weight;
        setting.value = { b: weight };
        await mine.manager.save(setting);
      }
      expect((await settings())[0]).toMatchObject({ weight: "3.01", version: 3, value: { b: "3.006" } });
    });

    it("refuses a stale save inside a transaction, and says what the row holds", async () => {
      const [first, second] = (await settings()) as [Setting, Setting];
      await mine.query(`UPDATE setting SET value = '{"a": 9}' WHERE id = 2`);
      first.note = second.note = "mine";
      await mine.transaction(async (manager) => {
        expect(await isRefused(manager.save([first, second]))).toBe(true);
      });
      expect((await settings()).map(({ note }) => note)).toEqual(["", ""]);
      expect(await isRefused(mine.manager.remove([first, second]))).toBe(true);
    });
  },
  ["mariadb"],
);
