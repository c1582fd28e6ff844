import {
  Column,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  UpdateDateColumn,
  type DataSource,
} from "typeorm";
import { ConcurrencyToken, guardDataSource, RowVersion, unguardDataSource } from "typeorm-concurrency";
import { eachDatabase, type DatabaseName } from "../support/databases";
import { openFresh, openSecond, refusalOf, Tripwire } from "./support";

type Sample = readonly [type: string, options: object, first: unknown, second: unknown];

const everywhere: Sample[] = [
  ["int", {}, 0, 5],
  ["int", { nullable: true }, null, 5],
  ["varchar", {}, "", "a"],
  ["varchar", {}, "a", "A"],
  ["varchar", {}, "a", "a "],
  ["varchar", {}, "ä€😀'\\", "?:x"],
  ["text", {}, "long", "longer"],
  ["boolean", {}, false, true],
  ["decimal", { precision: 20, scale: 6 }, "1.100000", "12345678901234.123456"],
  ["simple-array", {}, [], ["a", "b"]],
  ["simple-json", {}, { b: 1, a: [1, { c: null }] }, { b: 2 }],
  ["simple-json", { nullable: true }, null, { b: 2 }],
  ["date", {}, "2020-02-29", "2021-01-01"],
  ["time", {}, "10:11:12", "00:00:00"],
];
const samples: Record<DatabaseName, Sample[]> = {
  sqlite: [
    ...everywhere,
    ["datetime", {}, new Date("2020-02-03T04:05:06.789Z"), new Date("1960-01-01T00:00:00.001Z")],
    ["blob", {}, Buffer.from([0, 1, 255]), Buffer.from([])],
    ["real", {}, 0.1, 1e300],
    ["bigint", {}, 1, 9007199254740991],
    ["simple-enum", { enum: ["a", "b"] }, "a", "b"],
  ],
  postgres: [
    ...everywhere,
    ["timestamptz", {}, new Date("2020-02-03T04:05:06.789Z"), new Date("1960-01-01T00:00:00.001Z")],
    ["timestamp", {}, new Date("2020-02-03T04:05:06.789Z"), new Date("1960-01-01T00:00:00.001Z")],
    ["bytea", {}, Buffer.from([0, 1, 255]), Buffer.from([])],
    ["real", {}, 0.1, 1e30],
    ["double precision", {}, 0.1, 1e300],
    ["bigint", {}, "1", "9223372036854775807"],
    ["enum", { enum: ["a", "b"] }, "a", "b"],
    ["enum", { enum: ["a", "b"], array: true }, ["a"], ["b", "a"]],
    ["int", { array: true }, [], [1, 2]],
    ["text", { array: true }, ["a,b", '"'], [""]],
    ["json", {}, { b: 1, a: [1, { c: null }] }, [1]],
    ["jsonb", {}, { b: 1, a: [1, { c: null }] }, "text"],
    ["uuid", {}, "6b0f7f5e-1a2b-4c3d-8e9f-000000000001", "6b0f7f5e-1a2b-4c3d-8e9f-000000000002"],
    ["char", { length: 5 }, "a", "b"],
    ["inet", {}, "10.0.0.1", "::1"],
    ["timetz", {}, "10:11:12+02", "00:00:00+00"],
    ["money", {}, "1.20", "1000.00"],
    ["numrange", {}, "[1,2)", "empty"],
    ["bit", { length: 3 }, "101", "000"],
    ["timestamptz", { array: true }, [new Date("2020-02-03T04:05:06.789Z")], []],
  ],
  mariadb: [
    ...everywhere,
    [
      "datetime",
      { precision: 6 },
      new Date("2020-02-03T04:05:06.789Z"),
      new Date("1990-01-01T00:00:00.001Z"),
    ],
    ["datetime", { precision: 0 }, new Date("2020-02-03T04:05:06Z"), new Date("1990-01-01T00:00:00Z")],
    ["datetime", { precision: 0 }, new Date("2020-02-03T04:05:06.789Z"), new Date("1990-01-01T00:00:00.5Z")],
    [
      "timestamp",
      { precision: 3 },
      new Date("2020-02-03T04:05:06.789Z"),
      new Date("1990-01-01T00:00:00.001Z"),
    ],
    ["blob", {}, Buffer.from([0, 1, 255]), Buffer.from([])],
    ["varbinary", { length: 20 }, Buffer.from([0, 1, 255]), Buffer.from([1])],
    ["binary", { length: 4 }, Buffer.from([0, 1, 255, 0]), Buffer.from([1, 2, 3, 4])],
    ["double", {}, 0.1, 1e300],
    ["bigint", {}, "1", "9223372036854775807"],
    ["bigint", { unsigned: true }, "1", "18446744073709551615"],
    ["enum", { enum: ["a", "b"] }, "a", "b"],
    ["set", { enum: ["a", "b"] }, ["a"], ["a", "b"]],
    ["json", {}, { b: 1, a: [1, { c: null }] }, [1]],
    ["tinyint", {}, 0, -128],
    ["tinyint", { width: 1 }, 0, 1],
    ["year", {}, 2000, 1999],
    ["char", { length: 5 }, "a", "b"],
    ["varchar", { charset: "latin1", collation: "latin1_swedish_ci" }, "é", "E"],
    ["varchar", { collation: "utf8mb4_bin" }, "a", "A"],
    ["uuid", {}, "6b0f7f5e-1a2b-4c3d-8e9f-000000000001", "6b0f7f5e-1a2b-4c3d-8e9f-000000000002"],
    ["decimal", {}, "5", "6"],
    ["time", { precision: 3 }, "10:11:12.5", "00:00:00"],
  ],
};

@Entity()
class Versioned {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @Column("int", { default: 1 }) price: number;
  @RowVersion() version: number;
}
@Entity()
class Initialised {
  @PrimaryColumn("int") id: number;
  @Column() title: string;
  @RowVersion() version = 1;
}
@Entity()
class Stamped {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @RowVersion() version: number;
  @ConcurrencyToken() @UpdateDateColumn() updatedAt: Date;
}
@Entity()
class Priced {
  @PrimaryGeneratedColumn() id: number;
  @Column() title: string;
  @ConcurrencyToken() @Column("int") price: number;
}
const make = <T extends object>(type: new () => T, values: Partial<T>): T =>
  Object.assign(new type(), values);

eachDatabase((scratch, name) => {
  it.each(samples[name])(
    "compares a token of type %s %j, from %j to %j",
    async (type, options, first, second) => {
      @Entity("sample")
      class Row {
        @PrimaryGeneratedColumn() id: number;
        @Column() title: string;
        @ConcurrencyToken() @Column(type as "int", options) token: unknown;
      }
      const { dataSource: mine } = await openFresh(scratch(), [Row]);
      const theirs = await openSecond(scratch(), [Row]);
      try {
        const inserted = await mine.manager.save(make(Row, { title: "a", token: first }));
        inserted.title = "b";
        await mine.manager.save(inserted);
        inserted.token = second;
        await mine.manager.save(inserted);
        inserted.title = "c";
        await mine.manager.save(inserted);
        inserted.token = first;
        await mine.manager.save(inserted);
        inserted.title = "d";
        await mine.manager.save(inserted);

        const loaded = await mine.manager.findOneByOrFail(Row, { id: inserted.id });
        const stale = await mine.manager.findOneByOrFail(Row, { id: inserted.id });
        const other = await theirs.manager.findOneByOrFail(Row, { id: inserted.id });
        loaded.title = "e";
        await mine.manager.save(loaded);
        other.token = second;
        await theirs.manager.save(other);
        stale.title = "stale";
        await refusalOf(mine.manager.save(stale));
        await refusalOf(mine.manager.remove(stale));
        const fresh = await mine.manager.findOneByOrFail(Row, { id: inserted.id });
        fresh.title = "f";
        await mine.manager.save(fresh);
        const json = JSON.parse(JSON.stringify(fresh)) as Row;
        if (!(fresh.token instanceof Uint8Array)) await mine.manager.save(Row, { ...json, title: "g" });
        await mine.manager.remove(await mine.manager.findOneByOrFail(Row, { id: inserted.id }));
      } finally {
        await mine.destroy();
        await theirs.destroy();
      }
    },
  );

  describe("expectations", () => {
    let mine: DataSource;
    let theirs: DataSource;
    const log = new Tripwire();
    const entities = [Versioned, Initialised, Stamped, Priced];
    beforeAll(async () => {
      mine = scratch().dataSource(entities, {
        synchronize: true,
        dropSchema: true,
        logging: true,
        logger: log,
      });
      await guardDataSource(mine).initialize();
      theirs = await openSecond(scratch(), entities);
    });
    afterAll(async () => {
      if (mine?.isInitialized) await mine.destroy();
      if (theirs?.isInitialized) await theirs.destroy();
    });

    it("writes all that a client sets who has seen a newer version than the entity was loaded with", async () => {
      const { id } = await mine.manager.save(make(Versioned, { title: "a", price: 1 }));
      const entity = await mine.manager.findOneByOrFail(Versioned, { id });
      await theirs.manager.update(Versioned, { id }, { price: 2 });
      mine.manager.merge(Versioned, entity, { title: "b", price: 1, version: 2 });
      await mine.manager.save(entity);
      expect(await theirs.manager.findOneByOrFail(Versioned, { id })).toMatchObject({
        title: "b",
        price: 1,
        version: 3,
      });
    });

    it("does not bring a deleted row back from a copy whose version is the class's initial one", async () => {
      await mine.manager.save(make(Initialised, { id: 1, title: "a" }));
      const loaded = await mine.manager.findOneByOrFail(Initialised, { id: 1 });
      await theirs.manager.delete(Initialised, { id: 1 });
      await refusalOf(mine.manager.save(Initialised, { ...loaded, title: "b" }));
    });

    it("refuses a stale save by an update date that is its token", async () => {
      const { id } = await mine.manager.save(make(Stamped, { title: "a" }));
      const stale = await mine.manager.findOneByOrFail(Stamped, { id });
      const other = await theirs.manager.findOneByOrFail(Stamped, { id });
      other.title = "theirs";
      await theirs.manager.save(other);
      stale.title = "mine";
      await refusalOf(mine.manager.save(stale));
    });

    it("accepts the version as JSON brings it, and no other form of it", async () => {
      const { id } = await mine.manager.save(make(Versioned, { title: "a" }));
      await mine.manager.save(Versioned, { id, version: "1", title: "b" } as never);
      for (const version of [{ version: 2 }, { id }, [2, 2], true, "2abc", {}, " "]) {
        const outcome = await mine.manager
          .save(Versioned, { id, version, title: "c" } as never)
          .catch((error: unknown) => error);
        expect([version, outcome instanceof Error]).toEqual([version, true]);
      }
      expect((await theirs.manager.findOneByOrFail(Versioned, { id })).title).toBe("b");
    });

    it("writes or refuses a plain object whose numeric key is text, and inserts no second row", async () => {
      // Bare TypeORM finds the row, takes "5" and 5 for different keys and inserts.
      const { id } = await mine.manager.save(make(Versioned, { title: "a" }));
      const before = await mine.manager.count(Versioned);
      await mine.manager
        .save(Versioned, { id: String(id), version: 1, title: "b" } as never)
        .catch((error: unknown) => error);
      expect((await mine.manager.count(Versioned)) - before).toBe(0);
    });

    it("keeps an edit made while the save is under way, for the next save", async () => {
      const { id } = await mine.manager.save(make(Versioned, { title: "a" }));
      const entity = await mine.manager.findOneByOrFail(Versioned, { id });
      entity.title = "b";
      log.on(/^UPDATE/, () => {
        entity.title = "c";
        entity.price = 7;
      });
      await mine.manager.save(entity);
      expect([entity.title, entity.price]).toEqual(["c", 7]);
      await mine.manager.save(entity);
      expect(await theirs.manager.findOneByOrFail(Versioned, { id })).toMatchObject({ title: "c", price: 7 });
    });

    it("keeps an edit of a token made while the save is under way, for the next save", async () => {
      const { id } = await mine.manager.save(make(Priced, { title: "a", price: 1 }));
      const entity = await mine.manager.findOneByOrFail(Priced, { id });
      entity.title = "b";
      log.on(/^UPDATE/, () => {
        entity.price = 7;
      });
      await mine.manager.save(entity);
      expect(entity.price).toBe(7);
      await mine.manager.save(entity);
      expect((await theirs.manager.findOneByOrFail(Priced, { id })).price).toBe(7);
    });

    it("refuses or checks a remove by a query runner that is older than the guard", async () => {
      const bare = await openSecond(scratch(), entities, { guarded: false });
      const queryRunner = bare.createQueryRunner();
      guardDataSource(bare);
      const { id } = await mine.manager.save(make(Versioned, { title: "a" }));
      const stale = await queryRunner.manager.findOneByOrFail(Versioned, { id });
      await theirs.manager.update(Versioned, { id }, { title: "b" });
      await queryRunner.manager.remove(stale).catch(() => undefined);
      await queryRunner.release();
      expect(await theirs.manager.countBy(Versioned, { id })).toBe(1);
      unguardDataSource(bare);
      await bare.destroy();
    });

    it("tracks what is mapped to a property that is no relation", async () => {
      const { id } = await mine.manager.save(make(Priced, { title: "a", price: 1 }));
      const holder = await mine.manager.save(make(Versioned, { title: "h", price: id }));
      const found = (await mine.manager
        .createQueryBuilder(Versioned, "v")
        .leftJoinAndMapOne("v.mapped", Priced, "p", "p.id = v.price")
        .where("v.id = :id", { id: holder.id })
        .getOneOrFail()) as Versioned & { mapped: Priced };
      found.mapped.price = 2;
      await mine.manager.save(found.mapped);
      expect((await theirs.manager.findOneByOrFail(Priced, { id })).price).toBe(2);
    });

    it("works again after destroy and initialize, and after unguard and guard", async () => {
      const again = scratch().dataSource(entities);
      const repository = again.getRepository.bind(again);
      guardDataSource(again);
      await again.initialize();
      await again.destroy();
      await again.initialize();
      for (const round of [1, 2]) {
        const { id } = await repository(Versioned).save(make(Versioned, { title: `a${round}` }));
        const stale = await repository(Versioned).findOneByOrFail({ id });
        await theirs.manager.update(Versioned, { id }, { title: "b" });
        stale.title = "c";
        await refusalOf(repository(Versioned).save(stale));
        unguardDataSource(again);
        await repository(Versioned).save(stale);
        guardDataSource(again);
      }
      await again.destroy();
    });
  });
});

eachDatabase(
  (scratch) => {
    it("writes a change made inside an interval", async () => {
      @Entity("lasting")
      class Lasting {
        @PrimaryGeneratedColumn() id: number;
        @Column("interval") span: { hours: number };
        @RowVersion() version: number;
      }
      const { dataSource } = await openFresh(scratch(), [Lasting]);
      const { id } = await dataSource.manager.save(make(Lasting, { span: "1 hour" as never }));
      const entity = await dataSource.manager.findOneByOrFail(Lasting, { id });
      entity.span.hours = 5;
      await dataSource.manager.save(entity);
      expect((await dataSource.manager.findOneByOrFail(Lasting, { id })).span.hours).toBe(5);
      await dataSource.destroy();
    });
  },
  ["postgres"],
);
