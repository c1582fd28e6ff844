import { Column, Entity, PrimaryColumn, type DataSource, type Repository } from "typeorm";
import { guardDataSource, RowVersion, runUnitOfWork } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Account {
  @PrimaryColumn("int") id: number;
  @Column("int", { default: 0 }) balance: number;
  @RowVersion() version: number;
}

eachDatabase((scratch) => {
  let dataSource: DataSource;
  let accounts: Repository<Account>;

  beforeAll(async () => {
    dataSource = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
    accounts = dataSource.getRepository(Account);
  });
  beforeEach(async () => {
    await accounts.clear();
    await accounts.insert([{ id: 1 }, { id: 2 }]);
  });

  it("lets fifty units on one row all finish, each counted once", async () => {
    await Promise.all(
      Array.from({ length: 50 }, () =>
        runUnitOfWork(
          dataSource,
          async (manager) => {
            const account = await manager.findOneByOrFail(Account, { id: 1 });
            account.balance += 1;
            await manager.save(account);
          },
          { retries: 100, minDelayMs: 5 },
        ),
      ),
    );
    expect(await accounts.findOneByOrFail({ id: 1 })).toMatchObject({ balance: 50, version: 51 });
  });
});
