import type { DataSource } from "typeorm";
import {
  GuardConfigurationError,
  isOptimisticLockError,
  isRetriesExhaustedError,
  MissingTokenError,
  mergeChanges,
  RetriesExhaustedError,
  saveResolving,
  storeWins,
  type ConflictStrategy,
} from "typeorm-concurrency";
import { openFresh, openSecond } from "../attack/support";
import { eachDatabase } from "../support/databases";
import { ArticleSchema, SectionSchema } from "../support/article";
import { Money, Product, productEntities } from "./product";

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  beforeAll(async () => {
    const entities = [...productEntities, ArticleSchema, SectionSchema];
    ({ dataSource: mine } = await openFresh(scratch(), entities));
    theirs = await openSecond(scratch(), entities);
  });

  let id: number;
  let product: Product;
  beforeEach(async () => {
    ({ id } = await mine.manager.save(mine.manager.create(Product, { title: "lamp", cost: new Money(1) })));
    product = await mine.manager.findOneByOrFail(Product, { id });
  });
  const row = (): Promise<Product> => theirs.manager.findOneByOrFail(Product, { id });
  const change = (): Promise<unknown> => theirs.manager.increment(Product, { id }, "stock", 1);
  /** A strategy during which somebody else always gets in between. */
  const overtaken =
    (times: number): ConflictStrategy<Product> =>
    async (values) => {
      if (times-- > 0) await change();
      return mergeChanges<Product>()(values);
    };

  it("saves what is not refused without asking", async () => {
    product.title = "mine";
    const asked = jest.fn();
    expect(await saveResolving(mine.manager, product, asked)).toBe(product);
    expect(asked).not.toHaveBeenCalled();
    expect(await row()).toMatchObject({ title: "mine", version: 2 });
  });

  it("resolves and saves again until nobody has come between", async () => {
    await change();
    product.title = "mine";
    await saveResolving(mine.manager, product, overtaken(4));
    expect(await row()).toMatchObject({ title: "mine", stock: 5, version: 7 });
    expect(product).toMatchObject({ stock: 5, version: 7 });
  });

  it("inserts what is new", async () => {
    const fresh = mine.manager.create(Product, { title: "new", cost: new Money(1) });
    await saveResolving(mine.manager, fresh, storeWins());
    expect(fresh.version).toBe(1);
  });

  it.each([
    [undefined, 6],
    [1, 2],
    [2, 3],
  ])("gives up with retries %p after %i attempts", async (retries, attempts) => {
    await change();
    product.title = "mine";
    const error: unknown = await saveResolving(
      mine.manager,
      product,
      overtaken(Infinity),
      retries === undefined ? {} : { retries },
    ).catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(RetriesExhaustedError);
    if (!isRetriesExhaustedError(error)) throw new Error("not recognised");
    expect(error).toMatchObject({ code: "RETRIES_EXHAUSTED", attempts });
    expect(error.elapsedMs).toBeGreaterThan(0);
    expect(isOptimisticLockError(error.cause)).toBe(true);
    expect(error.message).toContain(`${attempts} attempts`);
    expect(error.message).toContain(`Product {id: ${id}}`);
    expect(await row()).toMatchObject({ title: "lamp", stock: attempts });
  });

  it("throws the conflict itself with no retries, and asks nobody", async () => {
    await change();
    product.title = "mine";
    const asked = jest.fn();
    const error: unknown = await saveResolving(mine.manager, product, asked, { retries: 0 }).catch(
      (reason: unknown) => reason,
    );
    expect(isOptimisticLockError(error)).toBe(true);
    expect(asked).not.toHaveBeenCalled();
  });

  it("throws what a strategy throws, and what the save fails with", async () => {
    await change();
    product.title = "mine";
    const own = new Error("own");
    await expect(saveResolving(mine.manager, product, () => Promise.reject(own))).rejects.toBe(own);
    const partial = await mine.manager.findOneOrFail(Product, {
      select: { id: true, title: true },
      where: { id },
    });
    partial.title = "mine";
    await expect(saveResolving(mine.manager, partial, storeWins())).rejects.toBeInstanceOf(MissingTokenError);
  });

  it.each([-1, 1.5, NaN, Infinity, "3", null])("refuses retries of %p before it saves", async (retries) => {
    product.title = "mine";
    const work = saveResolving(mine.manager, product, storeWins(), { retries: retries as number });
    await expect(work).rejects.toBeInstanceOf(GuardConfigurationError);
    await expect(work).rejects.toThrow(/"retries".*not/);
    expect(await row()).toMatchObject({ title: "lamp" });
  });

  it("saves objects without a class as what they were loaded as", async () => {
    await mine.manager.save("ArticleSchema", { id, title: "a", views: 0 });
    const article = await mine.manager.findOneByOrFail<{ id: number; title: string; views: number }>(
      "ArticleSchema",
      {
        id,
      },
    );
    await theirs.manager.update("ArticleSchema", { id }, { views: 5 });
    article.title = "mine";
    await saveResolving(mine.manager, article, mergeChanges());
    expect(await theirs.manager.findOneBy("ArticleSchema", { id })).toMatchObject({
      title: "mine",
      views: 5,
      version: 3,
    });
  });

  it("saves objects that were never loaded as what it is told", async () => {
    await change();
    const payload = { id, title: "mine", stock: 3, version: 1 } as Product;
    const overlapping: string[] = [];
    const strategy = mergeChanges<Product>({
      onOverlap: ({ database, property, current, original }) => {
        overlapping.push(property);
        expect(original).toBeUndefined();
        return property === "title" ? current : database;
      },
    });
    await saveResolving(mine.manager, payload, strategy, { target: Product });
    expect(overlapping.sort()).toEqual(["stock", "title"]);
    expect(await row()).toMatchObject({ title: "mine", stock: 1, version: 3 });
    expect(payload).toMatchObject({ stock: 1, version: 3 });
    await mine.manager.save(Product, Object.assign(payload, { title: "again" }));
    expect(await row()).toMatchObject({ title: "again", version: 4 });
  });

  it("loses nothing among many that add to one number", async () => {
    const workers = Array.from({ length: 8 }, async () => {
      const own = await mine.manager.findOneByOrFail(Product, { id });
      own.stock += 1;
      const add: ConflictStrategy<Product> = ({ current, database, original }) => ({
        stock: database!.stock + current.stock - original!.stock,
      });
      await saveResolving(mine.manager, own, add, { retries: 50 });
    });
    await Promise.all(workers);
    expect((await row()).stock).toBe(8);
  });
});
