import { Column, Entity, PrimaryGeneratedColumn, type DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Product {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @Column("int") price: number;
  @RowVersion() version: number;
}

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  const log = new QueryLog();
  beforeAll(async () => {
    mine = guardDataSource(
      scratch().dataSource([Product], { synchronize: true, logging: true, logger: log }),
    );
    await mine.initialize();
    theirs = guardDataSource(scratch().dataSource([Product]));
    await theirs.initialize();
  });

  it("refuses a stale save", async () => {
    const product = await mine.manager.save(Object.assign(new Product(), { title: "a", price: 1 }));
    expect(product.version).toBe(1);
    const stale = await mine.manager.findOneByOrFail(Product, { id: product.id });
    const fresh = await theirs.manager.findOneByOrFail(Product, { id: product.id });
    fresh.title = "b";
    await theirs.manager.save(fresh);
    expect(fresh.version).toBe(2);
    stale.price = 2;
    const statements = await log.during(async () => {
      const error = await mine.manager.save(stale).catch((error: unknown) => error);
      expect(isOptimisticLockError(error)).toBe(true);
      console.log(String(error), error);
    });
    console.log(statements);
    expect(stale.version).toBe(1);
    expect(await theirs.manager.findOneBy(Product, { id: product.id })).toEqual({
      id: product.id,
      title: "b",
      price: 1,
      version: 2,
    });
    const again = await mine.manager.findOneByOrFail(Product, { id: product.id });
    again.price = 9;
    console.log(await log.during(() => mine.manager.save(again)));
    expect(again.version).toBe(3);
  });
});
