import type { DataSource } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

eachDatabase(
  (scratch) => {
    let dataSource: DataSource;

    beforeAll(async () => {
      await scratch().dataSource([Account], { synchronize: true }).initialize();
      const { url } = scratch().dataSource([]).options as { url: string };
      const replica = new URL(url);
      replica.searchParams.set("application_name", "replica");
      dataSource = scratch().dataSource([Account], {
        replication: { master: { url }, slaves: [{ url: replica.toString() }] },
      });
      await guardDataSource(dataSource).initialize();
    });

    const nameOf = (rows: unknown): unknown => (rows as [{ name: string }])[0].name;
    const nameSql = "SELECT current_setting('application_name') AS name";

    it("is no matter to a unit: all of it is on the primary", async () => {
      const reader = dataSource.createQueryRunner("slave");
      expect(nameOf(await reader.query(nameSql))).toBe("replica");
      await reader.release();
      const names = await runUnitOfWork(dataSource, async (manager) => {
        await manager.insert(Account, { id: 1 });
        return [
          await manager.query(nameSql),
          await dataSource.query(nameSql),
          await dataSource
            .getRepository(Account)
            .createQueryBuilder()
            .select("current_setting('application_name')", "name")
            .getRawMany(),
        ];
      });
      expect(names.map(nameOf)).not.toContain("replica");
      expect(await runUnitOfWork(dataSource, () => dataSource.getRepository(Account).count())).toBe(1);
    });
  },
  ["postgres"],
);
