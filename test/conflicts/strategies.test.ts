import type { DataSource } from "typeorm";
import {
  clientWins,
  GuardConfigurationError,
  mergeChanges,
  OptimisticLockError,
  resolveConflicts,
  storeWins,
  type ConflictStrategy,
  type ConflictValues,
  type Overlap,
} from "typeorm-concurrency";
import { openFresh, openSecond, refusalOf } from "../attack/support";
import { eachDatabase, type QueryLog } from "../support/databases";
import { Address, Maker, Money, Note, Product, productEntities } from "./product";

eachDatabase((scratch) => {
  let mine: DataSource;
  let theirs: DataSource;
  let log: QueryLog;
  beforeAll(async () => {
    ({ dataSource: mine, log } = await openFresh(scratch(), productEntities));
    theirs = await openSecond(scratch(), productEntities);
    await mine.manager.insert(Maker, [
      { id: 1, name: "one" },
      { id: 2, name: "two" },
      { id: 3, name: "three" },
    ]);
  });

  let id: number;
  beforeEach(async () => {
    ({ id } = await mine.manager.save(
      mine.manager.create(Product, {
        title: "lamp",
        price: "10.00",
        stock: 5,
        limit: 1,
        releasedAt: new Date("2020-01-01T00:00:00Z"),
        attributes: { color: "red" },
        cost: new Money(100),
        address: { city: "Bonn", zip: "1" },
        secret: "s",
        maker: { id: 1 },
      }),
    ));
  });

  const load = (from = mine, relations = {}): Promise<Product> =>
    from.manager.findOneOrFail(Product, { where: { id }, relations, withDeleted: true });
  const change = async (values: object): Promise<void> => {
    await theirs.manager.save(Object.assign(await load(theirs), values));
  };
  /** Mine and theirs edit the same product, and mine is refused. */
  const conflict = async (
    my: object,
    their: object,
    relations = {},
  ): Promise<{ product: Product; error: OptimisticLockError }> => {
    const product = await load(mine, relations);
    await change(their);
    Object.assign(product, my);
    return { product, error: await refusalOf(mine.manager.save(product)) };
  };
  const updatesOf = async (work: () => Promise<unknown>): Promise<string[]> =>
    (await log.during(work)).filter((statement) => /^(UPDATE|INSERT|DELETE)/.test(statement));
  const setOf = ([update = ""]: string[]): string =>
    update.slice(update.indexOf("SET"), update.indexOf("WHERE"));
  /** The property names in the SET of the only UPDATE of a save. */
  const written = async (product: Product): Promise<string[]> => {
    const updates = await updatesOf(() => mine.manager.save(product));
    expect(updates).toHaveLength(1);
    const [update = ""] = updates;
    expect(update.slice(update.indexOf("WHERE"))).toContain("version");
    const names = [...setOf(updates).matchAll(/["`](\w+)["`] = /g)].map(([, name]) => name as string);
    return names.filter((name) => name !== "version" && name !== "updatedAt").sort();
  };
  const seen = async (
    my: object,
    their: object,
    relations = {},
  ): Promise<ConflictValues<Product> & { product: Product }> => {
    const { product, error } = await conflict(my, their, relations);
    let values: ConflictValues<Product> | undefined;
    await resolveConflicts<Product>(mine.manager, error, (all) => {
      values = all;
      return all.current;
    });
    return { ...values!, product };
  };

  describe("clientWins", () => {
    it("writes every loaded column that differs from the row, others' changes included", async () => {
      const { product, error } = await conflict({ title: "mine" }, { stock: 9, address: { city: "Ulm" } });
      await resolveConflicts(mine.manager, error, clientWins());
      expect(product).toMatchObject({ title: "mine", stock: 5, version: 2 });
      expect(await written(product)).toEqual(["addressCity", "stock", "title"]);
      expect(await load(theirs)).toMatchObject({
        title: "mine",
        stock: 5,
        address: { city: "Bonn" },
        version: 3,
      });
    });

    it("is refused again by who comes between", async () => {
      const { product, error } = await conflict({ title: "mine" }, { title: "theirs" });
      await resolveConflicts(mine.manager, error, clientWins());
      await change({ title: "again" });
      await refusalOf(mine.manager.save(product));
      expect(await load(theirs)).toMatchObject({ title: "again" });
    });

    it("leaves what was never loaded alone", async () => {
      const product = await mine.manager.findOneOrFail(Product, {
        select: { id: true, title: true, version: true },
        where: { id },
      });
      await change({ stock: 9, limit: null });
      const error = await refusalOf(mine.manager.save(Object.assign(product, { title: "mine" })));
      await resolveConflicts(mine.manager, error, clientWins());
      expect(product.stock).toBeUndefined();
      expect(product.limit).toBeUndefined();
      expect(await written(product)).toEqual(["title"]);
      expect(await load(theirs)).toMatchObject({ title: "mine", stock: 9, limit: null });
    });
  });

  describe("storeWins", () => {
    it("takes the row as it is and leaves nothing to be written", async () => {
      const { product, error } = await conflict(
        {
          title: "mine",
          limit: null,
          price: 3,
          cost: new Money(7),
          attributes: null,
          address: { city: "x", zip: "y" },
        },
        { stock: 9, title: "theirs", releasedAt: null, attributes: { color: "blue" } },
      );
      await resolveConflicts(mine.manager, error, storeWins());
      const row = await load(theirs);
      expect(product).toEqual(row);
      expect(await updatesOf(() => mine.manager.save(product))).toEqual([]);
      product.stock = 10;
      expect(await written(product)).toEqual(["stock"]);
    });

    it("leaves what was never loaded undefined", async () => {
      const product = await mine.manager.findOneOrFail(Product, {
        select: { id: true, title: true, version: true },
        where: { id },
      });
      await change({ stock: 9 });
      const error = await refusalOf(mine.manager.save(Object.assign(product, { title: "mine" })));
      await resolveConflicts(mine.manager, error, storeWins());
      expect([product.title, product.stock, product.secret]).toEqual(["lamp", undefined, undefined]);
    });

    it("takes hidden columns that were loaded", async () => {
      const product = await mine.manager
        .createQueryBuilder(Product, "p")
        .addSelect("p.secret")
        .where({ id })
        .getOneOrFail();
      await theirs.manager.update(Product, id, { secret: "theirs" });
      const error = await refusalOf(mine.manager.save(Object.assign(product, { title: "mine" })));
      await resolveConflicts(mine.manager, error, storeWins());
      expect(product).toMatchObject({ title: "lamp", secret: "theirs" });
    });
  });

  describe("mergeChanges", () => {
    it("keeps mine, takes theirs, and writes mine alone", async () => {
      const { product, error } = await conflict(
        { title: "mine", address: Object.assign(new Address(), { city: "mine", zip: "1" }) },
        { stock: 9, address: { city: "Bonn", zip: "9" }, limit: null, attributes: { color: "blue" } },
      );
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(product).toMatchObject({
        title: "mine",
        stock: 9,
        limit: null,
        address: { city: "mine", zip: "9" },
        attributes: { color: "blue" },
        version: 2,
      });
      expect(await written(product)).toEqual(["addressCity", "title"]);
      expect(await load(theirs)).toMatchObject({
        title: "mine",
        stock: 9,
        address: { city: "mine", zip: "9" },
      });
    });

    it("throws the conflict again where both have changed, and changes nothing", async () => {
      const { product, error } = await conflict({ title: "mine" }, { title: "theirs", stock: 9 });
      const before = { ...product };
      await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
      expect({ ...product }).toEqual(before);
      await refusalOf(mine.manager.save(product));
    });

    it("asks with all three values, and uses the answer", async () => {
      const { product, error } = await conflict({ stock: 3 }, { stock: 9 });
      const asked: Overlap<Product>[] = [];
      await resolveConflicts(
        mine.manager,
        error,
        mergeChanges<Product>({
          onOverlap: async (overlap) => {
            asked.push(overlap);
            return (overlap.database as number) + (overlap.current as number) - (overlap.original as number);
          },
        }),
      );
      expect(asked).toEqual([{ property: "stock", original: 5, current: 3, database: 9, entity: product }]);
      expect(product.stock).toBe(7);
      await mine.manager.save(product);
      expect(await load(theirs)).toMatchObject({ stock: 7, version: 3 });
    });

    it.each([null, 0])("takes %p for an answer", async (limit) => {
      const { product, error } = await conflict({ limit: 3 }, { limit: 9 });
      await resolveConflicts(mine.manager, error, mergeChanges({ onOverlap: () => limit }));
      await mine.manager.save(product);
      expect((await load(theirs)).limit).toBe(limit);
    });

    it("throws the conflict again when the answer is undefined, and an error of the answer's own", async () => {
      const { product, error } = await conflict({ limit: 3 }, { limit: 9 });
      await expect(
        resolveConflicts(mine.manager, error, mergeChanges({ onOverlap: () => undefined })),
      ).rejects.toBe(error);
      const own = new Error("own");
      await expect(
        resolveConflicts(mine.manager, error, mergeChanges({ onOverlap: () => Promise.reject(own) })),
      ).rejects.toBe(own);
      expect(product).toMatchObject({ limit: 3, version: 1 });
    });

    it("leaves a row alone that both have changed alike", async () => {
      const same = { title: "same", releasedAt: new Date("2021-05-05T00:00:00Z"), price: "3.00" };
      const { product, error } = await conflict(
        { ...same, price: "3.0" },
        { ...same, releasedAt: new Date(same.releasedAt) },
      );
      await resolveConflicts(mine.manager, error, mergeChanges());
      expect(await updatesOf(() => mine.manager.save(product))).toEqual([]);
    });

    it("refuses to change a row that was soft-deleted meanwhile", async () => {
      const product = await load();
      await theirs.manager.softRemove(await load(theirs));
      const error = await refusalOf(mine.manager.save(Object.assign(product, { title: "mine" })));
      await expect(resolveConflicts(mine.manager, error, mergeChanges())).rejects.toBe(error);
      await resolveConflicts(mine.manager, error, clientWins());
      expect(product.deletedAt).toBeInstanceOf(Date);
      expect(await written(product)).toEqual(["title"]);
    });
  });

  describe("what a strategy is told", () => {
    it.each<[string, object, object, string[], string[], string[]]>([
      ["columns of one side each", { title: "a" }, { stock: 1 }, ["title"], ["stock"], []],
      ["one column of both", { title: "a" }, { title: "b" }, ["title"], ["title"], ["title"]],
      [
        "a date in another object",
        { releasedAt: new Date("2020-01-01T00:00:00Z"), title: "a" },
        { stock: 1 },
        ["title"],
        ["stock"],
        [],
      ],
      [
        "dates",
        { releasedAt: new Date(0) },
        { releasedAt: new Date(1000) },
        ["releasedAt"],
        ["releasedAt"],
        ["releasedAt"],
      ],
      [
        "the same JSON",
        { attributes: { b: 1, a: [2] } },
        { attributes: { a: [2], b: 1 } },
        ["attributes"],
        ["attributes"],
        [],
      ],
      [
        "other JSON",
        { attributes: { a: 1 } },
        { attributes: { a: 2 } },
        ["attributes"],
        ["attributes"],
        ["attributes"],
      ],
      ["a number spelled otherwise", { price: 10, title: "a" }, { stock: 1 }, ["title"], ["stock"], []],
      ["the same decimal", { price: "7.5" }, { price: 7.5 }, ["price"], ["price"], []],
      ["the same by a transformer", { cost: new Money(3) }, { cost: new Money(3) }, ["cost"], ["cost"], []],
      [
        "others by a transformer",
        { cost: new Money(3) },
        { cost: new Money(4) },
        ["cost"],
        ["cost"],
        ["cost"],
      ],
      ["null and zero", { limit: 0 }, { limit: null }, ["limit"], ["limit"], ["limit"]],
      ["null on both sides", { limit: null }, { limit: null }, ["limit"], ["limit"], []],
      [
        "embedded columns",
        { address: { city: "a", zip: "1" } },
        { address: { city: "Bonn", zip: "b" } },
        ["address.city"],
        ["address.zip"],
        [],
      ],
    ])("of %s", async (_name, my, their, ...expected) => {
      const { mine: my_, overlapping, theirs: their_ } = await seen(my, their);
      expect([my_, their_, overlapping]).toEqual(expected);
    });

    it("is the entity as loaded, as edited and as the row has it", async () => {
      const { conflict, current, database, error, original, product } = await seen(
        { title: "mine" },
        { title: "theirs" },
      );
      expect(current).toBe(product);
      expect(original).toBeInstanceOf(Product);
      expect(database).toBeInstanceOf(Product);
      expect([original?.title, database?.title]).toEqual(["lamp", "theirs"]);
      expect([original?.version, database?.version]).toEqual([1, 2]);
      expect(original?.cost).toEqual(new Money(100));
      expect(error.conflicts[0]).toBe(conflict);
    });
  });

  describe("a strategy of one's own", () => {
    const resolved = async (strategy: ConflictStrategy<Product>): Promise<Product> => {
      const { product, error } = await conflict({ title: "mine", stock: 3 }, { title: "theirs", limit: 9 });
      await resolveConflicts(mine.manager, error, strategy);
      return product;
    };

    it.each<[string, ConflictStrategy<Product>, string[], object]>([
      [
        "some properties",
        () => ({ stock: 8 }),
        ["stock"],
        { title: "theirs", stock: 8, limit: 9, price: "10.00" },
      ],
      [
        "the current entity, edited",
        ({ current }) => Object.assign(current, { title: "both" }),
        ["limit", "stock", "title"],
        { title: "both", stock: 3, limit: 1 },
      ],
      [
        "the database's, edited",
        ({ database }) => Object.assign(database!, { title: "both" }),
        ["title"],
        { title: "both", stock: 5, limit: 9 },
      ],
      [
        "the original",
        ({ original }) => original!,
        ["limit", "title"],
        { title: "lamp", stock: 5, limit: 1 },
      ],
      [
        "a spread copy",
        async ({ current, database }) => ({ ...database, stock: current.stock }),
        ["stock"],
        { title: "theirs", stock: 3, limit: 9 },
      ],
    ])("may return %s", async (_name, strategy, columns, row) => {
      const product = await resolved(strategy);
      expect(product.version).toBe(2);
      expect(await written(product)).toEqual(columns);
      const { price, ...others } = row as { price?: string };
      expect(await load(theirs)).toMatchObject(others);
      if (price !== undefined) expect(Number((await load(theirs)).price)).toBe(Number(price));
    });

    it.each([undefined, null, "current", 5, [{}]])("may not return %j", async (result) => {
      const { product, error } = await conflict({ title: "mine" }, { title: "theirs" });
      const work = resolveConflicts(mine.manager, error, () => result as never);
      await expect(work).rejects.toBeInstanceOf(GuardConfigurationError);
      await expect(work).rejects.toThrow(`Product {id: ${id}}`);
      expect(product).toMatchObject({ title: "mine", version: 1 });
    });

    it("that fails leaves all objects as they were, those that it has decided before too", async () => {
      const second = await mine.manager.save(
        mine.manager.create(Product, { title: "second", cost: new Money(1) }),
      );
      const products = [
        await load(),
        await mine.manager.findOneByOrFail(Product, { id: second.id }),
      ] as const;
      await theirs.query("UPDATE product SET version = version + 1, stock = 77");
      products[0].title = "a";
      products[1].title = "b";
      const error = await refusalOf(mine.manager.save([...products]));
      expect(error.conflicts).toHaveLength(2);
      const before = products.map((product) => ({ ...product }));
      let calls = 0;
      await expect(
        resolveConflicts<Product>(mine.manager, error, ({ current }) => {
          if (++calls === 2) throw new Error("no");
          return Object.assign(current, { title: "edited", limit: 99 });
        }),
      ).rejects.toThrow("no");
      expect(products.map((product) => ({ ...product }))).toEqual(before);
      await refusalOf(mine.manager.save([...products]));

      await resolveConflicts(mine.manager, error, mergeChanges());
      await mine.manager.save([...products]);
      expect(await load(theirs)).toMatchObject({ title: "a", stock: 77, version: 3 });
    });

    it("that is none is an error", async () => {
      const { error } = await conflict({ title: "mine" }, { title: "theirs" });
      await expect(resolveConflicts(mine.manager, error, "mine" as never)).rejects.toBeInstanceOf(
        GuardConfigurationError,
      );
    });
  });

  it("throws again what is no conflict, and conflicts of no object", async () => {
    const other = new Error("other");
    await expect(resolveConflicts(mine.manager, other, storeWins())).rejects.toBe(other);
    const { error } = await conflict({ title: "a" }, { title: "b" });
    const without = { ...error.conflicts[0] };
    delete without.entity;
    const bare = new OptimisticLockError([without]);
    await expect(resolveConflicts(mine.manager, bare, storeWins())).rejects.toBe(bare);
  });

  it("needs a guarded DataSource", async () => {
    const { error } = await conflict({ title: "a" }, { title: "b" });
    const bare = scratch().dataSource(productEntities);
    await expect(resolveConflicts(bare.manager, error, storeWins())).rejects.toBeInstanceOf(
      GuardConfigurationError,
    );
  });

  it("resolves an object that stands for two conflicts once", async () => {
    const { product, error } = await conflict({ title: "a" }, { stock: 9 });
    const [only] = error.conflicts;
    let calls = 0;
    const twice = new OptimisticLockError([only, { ...only, operation: "touch" }]);
    await resolveConflicts<Product>(mine.manager, twice, ({ current }) => {
      calls++;
      return current;
    });
    expect(calls).toBe(1);
    expect(product.version).toBe(2);
  });

  it("keeps unsaved changes of collections", async () => {
    await mine.manager.save(mine.manager.create(Note, { id: id * 10, text: "first", product: { id } }));
    const product = await load(mine, { notes: true });
    product.notes.push(mine.manager.create(Note, { id: id * 10 + 1, text: "mine" }));
    product.title = "mine";
    await theirs.manager.save(
      theirs.manager.create(Note, { id: id * 10 + 2, text: "theirs", product: { id } }),
    );
    await change({ stock: 9 });
    const error = await refusalOf(mine.manager.save(product));
    await resolveConflicts(mine.manager, error, mergeChanges());
    await mine.manager.save(product);
    const now = await load(theirs, { notes: true });
    expect(now.notes.map(({ text }) => text).sort()).toEqual(["first", "mine", "theirs"]);
  });
});
