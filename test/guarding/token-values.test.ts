import {
  Column,
  Entity,
  PrimaryColumn,
  UpdateDateColumn,
  type ColumnOptions,
  type DataSource,
} from "typeorm";
import { ConcurrencyToken, guardDataSource, OptimisticLockError, RowVersion } from "typeorm-concurrency";
import { eachDatabase, QueryLog, type DatabaseName } from "../support/databases";

class Money {
  constructor(readonly cents: number) {}
}

interface TokenCase {
  readonly name: string;
  readonly column: ColumnOptions;
  /** Values that are different to anybody who looks at the row. The first is what is read. */
  readonly values: readonly [read: unknown, ...others: unknown[]];
  readonly only?: readonly DatabaseName[];
}

const instant = new Date("2024-05-06T07:08:09.123Z");
const later = new Date("2024-05-06T07:08:09.124Z");
const cases: readonly TokenCase[] = [
  { name: "an integer, zero included", column: { type: "int" }, values: [0, 1, -1] },
  { name: "a text, the empty one included", column: { type: "varchar" }, values: ["", "a", " "] },
  {
    name: "a text in another case",
    column: { type: "varchar" },
    values: ["resume", "RESUME", "résumé", "resume "],
  },
  { name: "a boolean", column: { type: Boolean }, values: [false, true] },
  { name: "null", column: { type: "varchar", nullable: true }, values: [null, "", "null"] },
  { name: "a value where there was null", column: { type: "varchar", nullable: true }, values: ["", null] },
  {
    name: "a big integer",
    column: { type: "bigint" },
    values: ["9007199254740993", "9007199254740992"],
    only: ["postgres", "mariadb"],
  },
  {
    name: "a decimal",
    column: { type: "decimal", precision: 30, scale: 10 },
    values: ["1.20", "1.2000000001"],
  },
  {
    name: "a long decimal",
    column: { type: "decimal", precision: 30, scale: 10 },
    values: ["12345678901234567890.1234567890", "12345678901234567890.1234567891"],
    only: ["postgres", "mariadb"],
  },
  {
    name: "a double",
    column: { type: "double precision" },
    values: [0.1, 0.10000000000000002],
    only: ["postgres", "sqlite"],
  },
  { name: "a double", column: { type: "double" }, values: [0.1, 0.10000000000000002], only: ["mariadb"] },
  { name: "a single float", column: { type: "real" }, values: [0.1, 0.2], only: ["postgres"] },
  { name: "a date and time", column: { type: Date }, values: [instant, later], only: ["postgres", "sqlite"] },
  {
    name: "a date and time",
    column: { type: "datetime", precision: 6 },
    values: [instant, later],
    only: ["mariadb"],
  },
  {
    name: "a time stamp with zone",
    column: { type: "timestamptz" },
    values: [instant, later],
    only: ["postgres"],
  },
  { name: "a date", column: { type: "date" }, values: ["2024-05-06", "2024-05-07"] },
  {
    name: "bytes",
    column: { type: "bytea" },
    values: [Buffer.from([0, 255]), Buffer.from([0, 254])],
    only: ["postgres"],
  },
  {
    name: "bytes",
    column: { type: "blob" },
    values: [Buffer.from([0, 255]), Buffer.from([0, 254])],
    only: ["sqlite", "mariadb"],
  },
  {
    name: "simple JSON",
    column: { type: "simple-json" },
    values: [
      { a: 1, b: [1, 2] },
      { a: 1, b: [2, 1] },
    ],
  },
  {
    name: "JSON",
    column: { type: "json" },
    values: [{ a: 1, b: [null] }, { a: 1 }],
    only: ["postgres", "mariadb"],
  },
  {
    name: "binary JSON",
    column: { type: "jsonb" },
    values: [
      { z: 1, a: "x" },
      { z: 1, a: "y" },
    ],
    only: ["postgres"],
  },
  {
    name: "a list of texts",
    column: { type: "simple-array" },
    values: [
      ["a", "b"],
      ["b", "a"],
    ],
  },
  {
    name: "an array",
    column: { type: "int", array: true },
    values: [[1, 2], [2, 1], []],
    only: ["postgres"],
  },
  {
    name: "an enumeration",
    column: { type: "enum", enum: ["open", "closed"] },
    values: ["open", "closed"],
    only: ["postgres", "mariadb"],
  },
  {
    name: "a uuid",
    column: { type: "uuid" },
    values: ["0b4c5b0a-8c7e-4d8e-9d4a-111111111111", "0b4c5b0a-8c7e-4d8e-9d4a-111111111112"],
    only: ["postgres", "mariadb"],
  },
  {
    name: "what a transformer makes",
    column: {
      type: "int",
      transformer: {
        to: (money: Money | null | undefined) => money?.cents,
        from: (cents: number | null) => (cents === null ? null : new Money(cents)),
      },
    },
    values: [new Money(0), new Money(1)],
  },
];

function entityFor({ column }: TokenCase): new () => { id: number; token: unknown; note: string } {
  @Entity("subject")
  class Subject {
    @PrimaryColumn("int") id: number;
    @ConcurrencyToken() @Column(column) token: unknown;
    @Column({ default: "" }) note: string;
  }
  return Subject;
}

eachDatabase((scratch, database) => {
  const refusal = async (work: Promise<unknown>): Promise<OptimisticLockError> => {
    const error: unknown = await work.catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(OptimisticLockError);
    return error as OptimisticLockError;
  };

  describe.each(cases.filter(({ only }) => only?.includes(database) ?? true))(
    "$name as a token",
    (tokenCase) => {
      const Subject = entityFor(tokenCase);
      const [read, ...others] = tokenCase.values;
      const transformer = [tokenCase.column.transformer ?? []].flat()[0];
      const plain = (value: unknown): unknown => (transformer === undefined ? value : transformer.to(value));
      let mine: DataSource;
      let theirs: DataSource;

      beforeAll(async () => {
        mine = await guardDataSource(
          scratch().dataSource([Subject], { synchronize: true, dropSchema: true }),
        ).initialize();
        theirs = await scratch().dataSource([Subject]).initialize();
      });
      afterAll(async () => {
        await mine.destroy();
        await theirs.destroy();
      });

      const seed = async (value: unknown): Promise<void> => {
        await theirs.manager.clear(Subject);
        await theirs.manager.insert(Subject, { id: 1, token: value } as never);
      };
      const find = (): Promise<InstanceType<typeof Subject>> =>
        mine.manager.findOneByOrFail(Subject, { id: 1 } as never);

      it("holds while nobody changes it, through any number of saves, also of itself", async () => {
        await seed(read);
        const subject = await find();
        for (const note of ["one", "two"]) {
          subject.note = note;
          await mine.manager.save(subject);
        }
        for (const value of [...others, read]) {
          subject.token = value;
          await mine.manager.save(subject);
          expect(plain((await find()).token)).toEqual(plain(subject.token));
        }
        await mine.manager.remove(subject);
        expect(await theirs.manager.count(Subject)).toBe(0);
      });

      it.each(others.map((other) => [other]))("refuses the write once the row holds %j", async (other) => {
        await seed(read);
        const subject = await find();
        await theirs.manager.update(Subject, { id: 1 } as never, { token: other } as never);
        subject.note = "mine";
        const { conflicts } = await refusal(mine.manager.save(subject));
        expect(plain(conflicts[0]?.expected["token"])).toEqual(plain(subject.token));
        expect(plain(conflicts[0]?.actual?.["token"])).toEqual(plain((await find()).token));
        await refusal(mine.manager.remove(subject));
        expect((await find()).note).toBe("");
      });

      it("is what was written of a new entity", async () => {
        await theirs.manager.clear(Subject);
        const subject = await mine.manager.save(Object.assign(new Subject(), { id: 1, token: read }));
        subject.note = "again";
        await mine.manager.save(subject);
        expect((await find()).note).toBe("again");
      });
    },
  );

  describe("values that the database keeps in another form", () => {
    @Entity()
    class Rounded {
      @PrimaryColumn("int") id: number;
      @ConcurrencyToken() @Column("decimal", { precision: 6, scale: 2 }) price: string;
      @Column({ default: "" }) note: string;
    }

    it("are in the entity as the row has them, so that the next save goes through", async () => {
      const mine = await guardDataSource(scratch().dataSource([Rounded], { synchronize: true })).initialize();
      const rounded = await mine.manager.save(Object.assign(new Rounded(), { id: 1, price: "1.239" }));
      if (database !== "sqlite") expect(rounded.price).toBe("1.24");
      rounded.price = "2.001";
      await mine.manager.save(rounded);
      if (database !== "sqlite") expect(rounded.price).toBe("2.00");
      rounded.note = "third";
      await mine.manager.save(rounded);
      expect((await mine.manager.findOneByOrFail(Rounded, { id: 1 })).note).toBe("third");
    });
  });

  describe("a column that the database fills as a token", () => {
    @Entity()
    class Stamped {
      @PrimaryColumn("int") id: number;
      @ConcurrencyToken() @UpdateDateColumn() changedAt: Date;
      @Column({ default: "" }) note: string;
    }

    const stampedSource = (): DataSource =>
      guardDataSource(scratch().dataSource([Stamped], { synchronize: true }));

    if (database !== "postgres") {
      it("is refused as the only token: TypeORM stamps whole seconds", async () => {
        await expect(stampedSource().initialize()).rejects.toThrow(
          /Stamped\.changedAt .*whole seconds.*@RowVersion/,
        );
      });
      return;
    }

    it("holds from save to save, finer than a millisecond or not, and is refused after another's write", async () => {
      const mine = await stampedSource().initialize();
      const stamped = await mine.manager.save(Object.assign(new Stamped(), { id: 1 }));
      for (const note of ["one", "two", "three"]) {
        stamped.note = note;
        await mine.manager.save(stamped);
      }
      const loaded = await mine.manager.findOneByOrFail(Stamped, { id: 1 });
      loaded.note = "four";
      await mine.manager.save(loaded);
      await mine.query(`UPDATE stamped SET "changedAt" = '2001-01-01 00:00:00'`);
      loaded.note = "five";
      await refusal(mine.manager.save(loaded));
    });
  });

  describe("a row version together with tokens", () => {
    @Entity()
    class Both {
      @PrimaryColumn("int") id: number;
      @RowVersion() version: number;
      @ConcurrencyToken() @Column("int") stock: number;
      @ConcurrencyToken() @Column("varchar", { nullable: true }) owner: string | null;
    }

    it("must all hold, and are in one predicate", async () => {
      const log = new QueryLog();
      const mine = guardDataSource(
        scratch().dataSource([Both], { synchronize: true, logging: true, logger: log }),
      );
      await mine.initialize();
      const both = await mine.manager.save(Object.assign(new Both(), { id: 1, stock: 0, owner: null }));
      both.stock = 3;
      const update =
        (await log.during(() => mine.manager.save(both))).find((sql) => sql.startsWith("UPDATE")) ?? "";
      for (const column of ["version", "stock", "owner"]) {
        expect(update.slice(update.indexOf("WHERE"))).toContain(column);
      }
      expect(update).toContain("IS NULL");
      // A writer that TypeORM does not see has changed a token without raising the version.
      await mine.query(
        "UPDATE both SET owner = 'them'".replace("both", database === "mariadb" ? "`both`" : '"both"'),
      );
      both.stock = 4;
      const { conflicts } = await refusal(mine.manager.save(both));
      expect(conflicts[0]).toMatchObject({
        expected: { version: 2, stock: 3, owner: null },
        actual: { version: 2, stock: 3, owner: "them" },
      });
    });
  });

  it("raises a nullable version that is null", async () => {
    @Entity()
    class Legacy {
      @PrimaryColumn("int") id: number;
      @Column({ default: "" }) note: string;
      @Column("int", { nullable: true }) version: number | null;
    }
    @Entity("legacy")
    class Versioned {
      @PrimaryColumn("int") id: number;
      @Column({ default: "" }) note: string;
      @RowVersion({ nullable: true } as object) version: number | null;
    }
    const before = await scratch().dataSource([Legacy], { synchronize: true }).initialize();
    await before.manager.insert(Legacy, { id: 1, version: null });
    const mine = await guardDataSource(scratch().dataSource([Versioned])).initialize();
    const [first, second] = [
      await mine.manager.findOneByOrFail(Versioned, { id: 1 }),
      await mine.manager.findOneByOrFail(Versioned, { id: 1 }),
    ];
    first.note = "first";
    await mine.manager.save(first);
    expect(first.version).toBe(1);
    second.note = "second";
    await refusal(mine.manager.save(second));
    await mine.manager.update(Versioned, 1, { note: "third" });
    expect((await mine.manager.findOneByOrFail(Versioned, { id: 1 })).version).toBe(2);
  });
});
