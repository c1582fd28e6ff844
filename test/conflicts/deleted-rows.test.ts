import type { DataSource } from "typeorm";
import {
  clientWins,
  mergeChanges,
  type OptimisticLockError,
  resolveConflicts,
  saveResolving,
  storeWins,
} from "typeorm-concurrency";
import { openFresh, openSecond, refusalOf } from "../attack/support";
import { eachDatabase, type QueryLog } from "../support/databases";
import { Money, Note, Product, productEntities } from "./product";

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: mine, log } = await openFresh(scratch(), productEntities));
    theirs = await openSecond(scratch(), productEntities);
  });

  let id: number;
  let product: Product;
  beforeEach(async () => {
    ({ id } = await mine.manager.save(mine.manager.create(Product, { title: "lamp", cost: new Money(1) })));
    product = await load();
  });

  const load = (from = mine): Promise<Product> =>
    from.manager.findOneOrFail(Product, { where: { id }, relations: { notes: true }, withDeleted: true });
  const rows = (): Promise<Product[]> => theirs.manager.find(Product, { where: { id }, withDeleted: true });
  const change = async (): Promise<void> => {
    await theirs.manager.save(Object.assign(await load(theirs), { stock: 9 }));
  };
  const takeAway = (): Promise<unknown> => theirs.manager.delete(Product, id);

  describe("a save of a row that was deleted", () => {
    let error: OptimisticLockError;
    beforeEach(async () => {
      await takeAway();
      product.title = "mine";
      error = await refusalOf(mine.manager.save(product));
    });

    it("is thrown again by clientWins and mergeChanges", async () => {
      await expect(resolveConflicts(mine.manager, error, clientWins())).rejects.toBe(error);
      await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
      expect(await rows()).toEqual([]);
      await refusalOf(mine.manager.save(product));
    });

    it("inserts the row again under its key and another version, once clientWins may", async () => {
      await resolveConflicts(mine.manager, error, clientWins({ recreate: true }));
      expect(await rows()).toEqual([]);
      await mine.manager.save(product);
      expect(product.id).toBe(id);
      expect(await rows()).toMatchObject([{ id, title: "mine", version: 2 }]);
      await mine.manager.save(Object.assign(product, { title: "after" }));
      expect(await rows()).toMatchObject([{ title: "after", version: 3 }]);
    });

    it("inserts others with it under keys of their own", async () => {
      await resolveConflicts(mine.manager, error, clientWins({ recreate: true }));
      const fresh = mine.manager.create(Product, { title: "fresh", cost: new Money(1) });
      await mine.manager.save([fresh, product]);
      expect(product.id).toBe(id);
      expect(fresh.id).toBeGreaterThan(id);
      expect(await rows()).toMatchObject([{ title: "mine" }]);
    });

    it("lets the object go with storeWins, which keeps its values", async () => {
      await resolveConflicts(mine.manager, error, storeWins());
      expect(product).toMatchObject({ id, title: "mine" });
      expect(await rows()).toEqual([]);
      await mine.manager.save(product);
      expect(await rows()).toMatchObject([{ id, title: "mine", version: 2 }]);
    });

    it("asks a strategy of one's own, which may return what to insert, or null", async () => {
      await resolveConflicts<Product>(
        mine.manager,
        error,
        ({ database, mine: changed, original, theirs }) => {
          expect([database, changed, theirs, original?.title]).toEqual([null, ["title"], [], "lamp"]);
          return { title: "new" };
        },
      );
      await mine.manager.save(product);
      expect(await rows()).toMatchObject([{ title: "new" }]);
    });
  });

  it("is not inserted again by saveResolving with storeWins", async () => {
    await takeAway();
    product.title = "mine";
    expect(await saveResolving(mine.manager, product, storeWins())).toBe(product);
    expect(await rows()).toEqual([]);
  });

  it("is inserted again by saveResolving with clientWins that may", async () => {
    await takeAway();
    product.title = "mine";
    await saveResolving(mine.manager, product, clientWins({ recreate: true }));
    expect(await rows()).toMatchObject([{ id, title: "mine" }]);
  });

  it("as a member, is left out of its collection by saveResolving with storeWins", async () => {
    product.notes = [
      mine.manager.create(Note, { id: id * 10, text: "a" }),
      mine.manager.create(Note, { id: id * 10 + 1, text: "b" }),
    ];
    await mine.manager.save(product);
    await theirs.manager.delete(Note, { id: id * 10 });
    for (const note of product.notes) note.text = "mine";
    product.title = "mine";
    const { notes } = product;
    await saveResolving(mine.manager, product, storeWins());
    expect(product.notes).toBe(notes);
    expect(notes.map((note) => note.id)).toEqual([id * 10 + 1]);
    expect(await theirs.manager.find(Note, { where: { product: { id } } })).toMatchObject([{ text: "mine" }]);
    expect(await rows()).toMatchObject([{ title: "mine" }]);
  });

  describe.each(["remove", "softRemove"] as const)("a refused %s", (method) => {
    const take = (): Promise<Product> =>
      method === "remove" ? mine.manager.remove(product) : mine.manager.softRemove(product);
    const refused = (): Promise<OptimisticLockError> => refusalOf(take());

    it.each([
      ["clientWins", clientWins],
      ["storeWins", storeWins],
    ])("of a changed row can be repeated after %s", async (_name, strategy) => {
      await change();
      const error = await refused();
      await resolveConflicts(mine.manager, error, strategy());
      expect(product.version).toBe(2);
      const statements = await log.during(take);
      expect(statements.find((statement) => /^(DELETE|UPDATE)/.test(statement))).toContain("version");
      expect((await rows()).filter(({ deletedAt }) => deletedAt === null)).toEqual([]);
    });

    it("of a changed row cannot be merged", async () => {
      await change();
      const error = await refused();
      await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
      await refused();
    });

    it.each([
      ["clientWins", clientWins],
      ["storeWins", storeWins],
      ["mergeChanges", mergeChanges],
    ])("of a row that is gone is done with after %s", async (_name, strategy) => {
      await takeAway();
      const error = await refused();
      await resolveConflicts(mine.manager, error, strategy());
      await mine.manager.save(product);
      expect(await rows()).toMatchObject([{ id, title: "lamp" }]);
    });
  });

  it("merges a refused recover", async () => {
    await theirs.manager.softDelete(Product, id);
    product = await load();
    await change();
    const error = await refusalOf(mine.manager.recover(product));
    await resolveConflicts(mine.manager, error, mergeChanges());
    await mine.manager.recover(product);
    expect(await rows()).toMatchObject([{ stock: 9, deletedAt: null }]);
  });
});
