import {
  Column,
  DeleteDateColumn,
  Entity,
  EntitySchema,
  JoinColumn,
  ManyToOne,
  PrimaryColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import {
  guardDataSource,
  isOptimisticLockError,
  OptimisticLocking,
  RowVersion,
  Unversioned,
  UpdateAllColumns,
  VersionedRelation,
  type OptimisticLockError,
} from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Shelf {
  @PrimaryColumn("int") id: number;
}

class Dimensions {
  @Column("int") width: number;
  @Column("int", { nullable: true }) height: number | null;
}

abstract class Legacy {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("decimal", { precision: 10, scale: 2 }) price: string;
  @Column({ nullable: true, type: "varchar", select: false }) secret: string | null;
  @Column(() => Dimensions) size: Dimensions;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @ManyToOne(() => Shelf, { nullable: true }) @JoinColumn() shelf: Relation<Shelf> | null;
  @DeleteDateColumn() deletedAt: Date | null;
}

@Entity()
@OptimisticLocking({ compare: "changed-columns" })
class ByChanges extends Legacy {}

@Entity()
@OptimisticLocking({ compare: "all-columns" })
class ByAll extends Legacy {}

type LegacyClass = new () => Legacy;

const rejected = (work: Promise<unknown>): Promise<OptimisticLockError> =>
  work.then(
    () => Promise.reject(new Error("It was not refused.")),
    (error: unknown) => {
      if (!isOptimisticLockError(error)) throw error;
      return error;
    },
  );

eachDatabase((scratch, databaseName) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource([ByChanges, ByAll, Shelf], { synchronize: true, logging: true, logger: log }),
    );
    await dataSource.initialize();
    await dataSource.manager.insert(Shelf, [{ id: 1 }, { id: 2 }]);
  });
  beforeEach(async () => {
    for (const Product of [ByChanges, ByAll]) {
      await dataSource.getRepository(Product).clear();
      await dataSource.manager.save(
        Object.assign(new Product(), {
          id: 1,
          title: "Cucumber",
          price: "0.99",
          size: { width: 1, height: null },
          shelf: { id: 1 },
          secret: "s",
        }),
      );
    }
  });

  const load = <P extends Legacy>(Product: new () => P): Promise<P> =>
    dataSource.manager.findOneByOrFail<Legacy>(Product, { id: 1 }) as Promise<P>;
  const row = (Product: LegacyClass): Promise<Legacy> =>
    dataSource.manager.findOneOrFail(Product, { where: { id: 1 }, relations: { shelf: true } });

  describe.each([
    ["changed columns", ByChanges],
    ["all columns", ByAll],
  ] as [string, LegacyClass][])("a row that is compared by %s", (_name, Product) => {
    const edits: readonly (readonly [string, (product: Legacy) => void, (product: Legacy) => void])[] = [
      ["a text", (p) => (p.title = "a"), (p) => (p.title = "b")],
      ["a decimal", (p) => (p.price = "1.00"), (p) => (p.price = "2.00")],
      ["an embedded column", (p) => (p.size.width = 5), (p) => (p.size.width = 6)],
      ["a column that was null", (p) => (p.size.height = 5), (p) => (p.size.height = 6)],
      ["a foreign key", (p) => (p.shelf = { id: 2 }), (p) => (p.shelf = null)],
    ];

    it.each(edits)("refuses a save that changes what another has changed: %s", async (_edit, one, two) => {
      const [first, second] = [await load(Product), await load(Product)];
      one(first);
      two(second);
      await dataSource.manager.save(first);
      const before = await row(Product);
      const error = await rejected(dataSource.manager.save(second));
      expect(error.conflicts).toHaveLength(1);
      expect(error.conflicts[0]).toMatchObject({ reason: "modified", operation: "update", id: { id: 1 } });
      expect(await row(Product)).toEqual(before);
    });

    it.each(edits)("lets the same object be saved again and again: %s", async (_edit, one, two) => {
      const product = await load(Product);
      for (const edit of [one, two, one]) {
        edit(product);
        await dataSource.manager.save(product);
      }
      expect((await row(Product)).title).toBe(product.title);
    });

    it("lets a new entity be saved again, also where the database has written its values in another way", async () => {
      const product = Object.assign(new Product(), { id: 2, title: "x", price: "1.5", size: { width: 1 } });
      await dataSource.manager.save(product);
      product.title = "y";
      await dataSource.manager.save(product);
      product.price = "2.5";
      await dataSource.manager.save(product);
      await dataSource.manager.save(Object.assign(product, { title: "z" }));
      expect((await dataSource.manager.findOneByOrFail(Product, { id: 2 })).title).toBe("z");
    });

    it("refuses to remove what has been changed", async () => {
      const stale = await load(Product);
      await dataSource.manager.update(Product, { id: 1 }, { size: { width: 9 } });
      const error = await rejected(dataSource.manager.remove(stale));
      expect(error.conflicts[0]).toMatchObject({ operation: "remove", expected: { "size.width": 1 } });
      expect(await dataSource.manager.count(Product)).toBe(1);
    });

    it("refuses to soft-remove what has been changed", async () => {
      const stale = await load(Product);
      await dataSource.manager.update(Product, { id: 1 }, { title: "x" });
      await rejected(dataSource.manager.softRemove(stale));
      expect((await row(Product)).deletedAt).toBeNull();
      const fresh = await load(Product);
      await dataSource.manager.softRemove(fresh);
      await dataSource.manager.recover(fresh);
      await dataSource.manager.remove(fresh);
      expect(await dataSource.manager.count(Product, { withDeleted: true })).toBe(0);
    });

    it("refuses to save what has been deleted", async () => {
      const stale = await load(Product);
      await dataSource.manager.delete(Product, { id: 1 });
      const error = await rejected(dataSource.manager.save(Object.assign(stale, { title: "x" })));
      expect(error.conflicts[0]).toMatchObject({ reason: "deleted", actual: null });
    });

    it("leaves unversioned columns out", async () => {
      const stale = await load(Product);
      await dataSource.manager.update(Product, { id: 1 }, { views: 7 });
      await dataSource.manager.save(Object.assign(stale, { title: "x" }));
      expect(await row(Product)).toMatchObject({ title: "x", views: 7 });
    });

    it("refuses an object that was never loaded", async () => {
      await expect(dataSource.manager.save(Product, { id: 1, title: "x" })).rejects.toMatchObject({
        code: "MISSING_TOKEN",
      });
      expect((await row(Product)).title).toBe("Cucumber");
    });

    it("compares a hidden column once it was changed", async () => {
      const partly = await load(Product);
      await expect(dataSource.manager.save(Object.assign(partly, { secret: "t" }))).rejects.toMatchObject({
        code: "MISSING_TOKEN",
        missing: ["secret"],
      });
    });

    it("shows no values in its message", async () => {
      const stale = await load(Product);
      await dataSource.manager.update(Product, { id: 1 }, { title: "Gherkin" });
      const error = await rejected(dataSource.manager.save(Object.assign(stale, { title: "Pickle" })));
      expect(error.message).toContain("title to be as it was read");
      expect(error.message).not.toMatch(/Cucumber|Gherkin|Pickle/);
      expect(error.conflicts[0]).toMatchObject({
        compared: expect.arrayContaining(["title"]),
        expected: { title: "Cucumber" },
        actual: { title: "Gherkin" },
      });
    });

    it("lets one of two racing saves of a column through", async () => {
      const [first, second] = [await load(Product), await load(Product)];
      const outcomes = await Promise.allSettled([
        dataSource.manager.save(Object.assign(first, { title: "a" })),
        dataSource.manager.save(Object.assign(second, { title: "b" })),
      ]);
      expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    });
  });

  it("lets two saves of different columns through where changed columns are compared", async () => {
    const [first, second] = [await load(ByChanges), await load(ByChanges)];
    await dataSource.manager.save(Object.assign(first, { title: "Gherkin" }));
    await dataSource.manager.save(Object.assign(second, { price: "1.99" }));
    expect(await row(ByChanges)).toMatchObject({ title: "Gherkin" });
    expect(Number((await row(ByChanges)).price)).toBe(1.99);
    // What the second has never read of the title is still compared with what it has read.
    await rejected(dataSource.manager.save(Object.assign(second, { title: "x" })));
  });

  it("refuses the second of two saves of different columns where all are compared", async () => {
    const [first, second] = [await load(ByAll), await load(ByAll)];
    await dataSource.manager.save(Object.assign(first, { title: "Gherkin" }));
    await rejected(dataSource.manager.save(Object.assign(second, { price: "1.99" })));
    expect(await row(ByAll)).toMatchObject({ title: "Gherkin" });
  });

  it("puts only the changed columns into the predicate, or all of them", async () => {
    const whereOf = async (product: Legacy): Promise<string> => {
      const statements = await log.during(() => dataSource.manager.save(product));
      return /WHERE .*/.exec(statements.find((sql) => sql.startsWith("UPDATE")) ?? "")?.[0] ?? "";
    };
    const changed = await whereOf(Object.assign(await load(ByChanges), { title: "x" }));
    expect(changed).toMatch(/title/);
    expect(changed).not.toMatch(/price|width|shelf|views/i);
    const all = (await whereOf(Object.assign(await load(ByAll), { title: "x" }))).split("RETURNING")[0];
    for (const column of ["title", "price", "Width", "Height", "shelfId", "deletedAt"]) {
      expect(all).toContain(column);
    }
    expect(all).not.toMatch(/views|secret/);
  });

  describe("wrong declarations are an error before the first write:", () => {
    it.each([
      [
        "a version and columns",
        () => {
          @Entity()
          @OptimisticLocking({ compare: "all-columns" })
          class Both {
            @PrimaryColumn("int") id: number;
            @RowVersion() version: number;
          }
          return Both;
        },
        /Both has the row version version/,
      ],
      [
        "a column that cannot be compared",
        () => {
          @Entity()
          @OptimisticLocking({ compare: "all-columns" })
          class Measured {
            @PrimaryColumn("int") id: number;
            @Column(databaseName === "postgres" ? "point" : "float") value: string;
          }
          return Measured;
        },
        databaseName === "sqlite" ? undefined : /Measured\.value cannot be a concurrency token.*@Unversioned/,
      ],
      [
        "a versioned relation without a version",
        () => {
          @Entity()
          @OptimisticLocking({ compare: "all-columns" })
          class Root {
            @PrimaryColumn("int") id: number;
            @VersionedRelation() @ManyToOne(() => Shelf) shelf: Shelf;
          }
          return Root;
        },
        /Root\.shelf is declared as a versioned relation but/,
      ],
    ] as [string, () => Function, RegExp | undefined][])("%s", async (_name, declare, message) => {
      const guarded = guardDataSource(scratch().dataSource([declare(), Shelf]));
      if (message === undefined) await guarded.initialize();
      else await expect(guarded.initialize()).rejects.toThrow(message);
    });

    it("an unknown way to compare", () => {
      expect(() => OptimisticLocking({ compare: "some" as never })(class Odd {})).toThrow(
        /"compare" of Odd's optimistic locking must be "changed-columns" or "all-columns"/,
      );
    });
  });

  it("is declared for an EntitySchema by the DataSource's options", async () => {
    const Part = new EntitySchema<{ id: number; name: string; stock: number }>({
      name: "Part",
      columns: { id: { type: "int", primary: true }, name: { type: String }, stock: { type: "int" } },
    });
    const declared = guardDataSource(scratch().dataSource([Part], { synchronize: true }), {
      entities: new Map([[Part, { optimisticLocking: { compare: "changed-columns" } }]]),
    });
    await declared.initialize();
    await declared.manager.save(Part, { id: 1, name: "a", stock: 1 });
    const [first, second] = [
      await declared.manager.findOneByOrFail(Part, { id: 1 }),
      await declared.manager.findOneByOrFail(Part, { id: 1 }),
    ];
    await declared.manager.save(Part, Object.assign(first, { stock: 2 }));
    await rejected(declared.manager.save(Part, Object.assign(second, { stock: 3 })));
  });
});

// Two clerks: one corrects the title, the other the price, at the same time.
@Entity()
class MixedProduct {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("decimal", { precision: 10, scale: 2 }) price: string;
  @RowVersion() version: number;
}

abstract class Priced {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @Column("decimal", { precision: 10, scale: 2 }) price: string;
  @Unversioned() @Column("int", { default: 0 }) views: number;
  @ManyToOne(() => Shelf, { nullable: true }) shelf: Relation<Shelf> | null;
}

@Entity()
@OptimisticLocking({ compare: "changed-columns" })
class PartlyWritten extends Priced {}

@Entity()
@OptimisticLocking({ compare: "changed-columns" })
@UpdateAllColumns()
class WhollyWritten extends Priced {}

@Entity()
@UpdateAllColumns()
class WhollyWrittenUnchecked extends Priced {}

eachDatabase((scratch) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    dataSource = guardDataSource(
      scratch().dataSource([PartlyWritten, WhollyWritten, WhollyWrittenUnchecked, MixedProduct, Shelf], {
        synchronize: true,
        logging: true,
        logger: log,
      }),
    );
    await dataSource.initialize();
    await dataSource.manager.insert(Shelf, [{ id: 1 }]);
    for (const Product of [PartlyWritten, WhollyWritten, WhollyWrittenUnchecked]) {
      await dataSource.manager.save(
        Object.assign(new Product(), { id: 1, title: "Tomato", price: "1.99", shelf: { id: 1 } }),
      );
    }
  });

  const editAtOnce = async (Product: new () => Priced): Promise<Priced> => {
    const load = (): Promise<Priced> => dataSource.manager.findOneByOrFail(Product, { id: 1 });
    const [byTitle, byPrice] = [await load(), await load()];
    await dataSource.manager.save(Object.assign(byTitle, { title: "Cucumber" }));
    await dataSource.manager.save(Object.assign(byPrice, { price: "0.99" })).catch((error: unknown) => {
      if (!isOptimisticLockError(error)) throw error;
    });
    return dataSource.manager.findOneOrFail(Product, { where: { id: 1 }, relations: { shelf: true } });
  };

  it("mixes two edits into a row that nobody wrote, where only changes are written and compared", async () => {
    const mixed = await editAtOnce(PartlyWritten);
    expect([mixed.title, Number(mixed.price)]).toEqual(["Cucumber", 0.99]);
  });

  it("refuses the second edit where every column is written", async () => {
    const whole = await editAtOnce(WhollyWritten);
    expect([whole.title, Number(whole.price), whole.shelf?.id]).toEqual(["Cucumber", 1.99, 1]);
  });

  it("reports what was compared, which is all that is written", async () => {
    const stale = await dataSource.manager.findOneByOrFail(WhollyWritten, { id: 1 });
    await dataSource.manager.update(WhollyWritten, { id: 1 }, { title: "theirs" });
    const error = await rejected(dataSource.manager.save(Object.assign(stale, { price: "9.99" })));
    expect(error.conflicts[0]).toMatchObject({
      expected: { title: stale.title },
      actual: { title: "theirs" },
    });
    expect(error.message).toContain("expected title to be as it was read, and it is so no more");
  });

  it("writes the row of the last one, whole, where nothing is compared", async () => {
    const whole = await editAtOnce(WhollyWrittenUnchecked);
    expect([whole.title, Number(whole.price), whole.shelf?.id]).toEqual(["Tomato", 0.99, 1]);
  });

  it("has every updatable column in SET but unversioned ones that did not change", async () => {
    const product = await dataSource.manager.findOneByOrFail(WhollyWrittenUnchecked, { id: 1 });
    const setOf = (statements: readonly string[]): string =>
      /SET (.*) WHERE/.exec(statements.find((sql) => sql.startsWith("UPDATE")) ?? "")?.[1] ?? "";
    const set = setOf(
      await log.during(() => dataSource.manager.save(Object.assign(product, { title: "x" }))),
    );
    for (const column of ["title", "price", "shelfId"]) expect(set).toContain(column);
    expect(set).not.toContain("views");
    const counted = setOf(
      await log.during(() => dataSource.manager.save(Object.assign(product, { title: "y", views: 5 }))),
    );
    expect(counted).toContain("views");
  });

  it("refuses an entity that was loaded in part, before any write", async () => {
    for (const Product of [WhollyWritten, WhollyWrittenUnchecked]) {
      const partly = await dataSource.manager.findOneOrFail<Priced>(Product, {
        select: { id: true, title: true },
        where: { id: 1 },
      });
      const statements = await log.during(() =>
        expect(dataSource.manager.save(Object.assign(partly, { title: "partly" }))).rejects.toMatchObject({
          code: expect.stringMatching(/UNCHECKED_WRITE|MISSING_TOKEN/),
        }),
      );
      expect(statements).toEqual([]);
      await expect(dataSource.manager.save(Product, { id: 1, title: "by hand" })).rejects.toMatchObject({
        code: expect.stringMatching(/UNCHECKED_WRITE|MISSING_TOKEN/),
      });
      expect((await dataSource.manager.findOneByOrFail<Priced>(Product, { id: 1 })).title).not.toMatch(
        /partly|hand/,
      );
    }
  });
});
