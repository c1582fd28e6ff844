import { Column, Entity, PrimaryGeneratedColumn, Unique, type DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity("stock_level")
@Unique(["shop", "product"])
class StockLevel {
  @PrimaryGeneratedColumn() id: number;
  @Column() shop: string;
  @Column({ name: "product_code" }) product: string;
  @Column("int", { default: 0 }) amount: number;
  @RowVersion({ name: "row_version" }) version: number;
}

eachDatabase((scratch, database) => {
  let mine: DataSource;
  beforeAll(async () => {
    mine = await guardDataSource(scratch().dataSource([StockLevel], { synchronize: true })).initialize();
  });
  beforeEach(async () => {
    await mine.manager.clear(StockLevel);
    await mine.manager.insert(StockLevel, { shop: "north", product: "pear", amount: 1 });
  });
  const row = (): Promise<StockLevel> =>
    mine.manager.findOneByOrFail(StockLevel, { shop: "north", product: "pear" });
  const key: ("shop" | "product")[] = ["shop", "product"];

  it("raises the version of a row that was there, and starts a new one at 1", async () => {
    await mine.manager.upsert(
      StockLevel,
      [
        { shop: "north", product: "pear", amount: 2 },
        { shop: "north", product: "plum", amount: 3 },
      ],
      key,
    );
    expect(await row()).toMatchObject({ amount: 2, version: 2 });
    expect(await mine.manager.findOneBy(StockLevel, { product: "plum" })).toMatchObject({
      amount: 3,
      version: 1,
    });
  });

  it("never sets the version to a value that came along", async () => {
    const loaded = await row();
    await mine.manager.upsert(StockLevel, { ...loaded, amount: 5 }, key);
    await mine.manager.upsert(StockLevel, { ...loaded, amount: 6 }, key);
    expect(await row()).toMatchObject({ amount: 6, version: 3 });
  });

  it("refuses whoever read the row before it", async () => {
    const stale = await row();
    await mine.manager.upsert(StockLevel, { shop: "north", product: "pear", amount: 2 }, key);
    stale.amount = 9;
    const error: unknown = await mine.manager.save(stale).catch((reason: unknown) => reason);
    expect(isOptimisticLockError(error)).toBe(true);
  });

  it("raises the version through the insert query builder", async () => {
    await mine.manager
      .createQueryBuilder()
      .insert()
      .into(StockLevel)
      .values({ shop: "north", product: "pear", amount: 4, version: 1 })
      .orUpdate(["amount", "row_version"], ["shop", "product_code"])
      .execute();
    expect(await row()).toMatchObject({ amount: 4, version: 2 });
  });

  it("leaves the version alone where nothing is updated", async () => {
    await mine.manager
      .createQueryBuilder()
      .insert()
      .into(StockLevel)
      .values({ shop: "north", product: "pear", amount: 4 })
      .orIgnore()
      .execute();
    expect(await row()).toMatchObject({ amount: 1, version: 1 });
    if (database === "postgres") {
      await mine.manager.upsert(
        StockLevel,
        { shop: "north", product: "pear", amount: 1 },
        { conflictPaths: key, skipUpdateIfNoValuesChanged: true },
      );
      expect(await row()).toMatchObject({ version: 1 });
    }
  });

  if (database === "postgres") {
    it("knows its table in another schema", async () => {
      @Entity("price", { schema: "shop" })
      class Price {
        @PrimaryGeneratedColumn() id: number;
        @Column({ unique: true }) product: string;
        @Column("int") cents: number;
        @RowVersion() version: number;
      }
      await mine.query("CREATE SCHEMA shop");
      const other = await guardDataSource(scratch().dataSource([Price], { synchronize: true })).initialize();
      for (const cents of [1, 2]) await other.manager.upsert(Price, { product: "pear", cents }, ["product"]);
      expect(await other.manager.findOneByOrFail(Price, { product: "pear" })).toMatchObject({
        cents: 2,
        version: 2,
      });
    });
  }
});
