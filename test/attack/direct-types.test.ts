import {
  Column,
  Entity,
  PrimaryColumn,
  UpdateDateColumn,
  type ColumnOptions,
  type ColumnType,
} from "typeorm";
import { RowVersion } from "typeorm-concurrency";
import { eachDatabase, type DatabaseName } from "../support/databases";
import { expectSame, openPair, outcomeOf, rowsOf, type Pair } from "./direct-support";

type Case = readonly [type: ColumnType, options: ColumnOptions, ...values: unknown[]];

const bytes = (...values: number[]): Buffer => Buffer.from(values);
const text2Mb = "é€".repeat(500_000);
const rewritten = /^(point|circle|hstore|cube|set)$/;
const date = new Date("2021-03-04T05:06:07.891Z");
const cases: Record<DatabaseName, readonly Case[]> = {
  postgres: [
    ["numeric", { precision: 40, scale: 30 }, "0.1", 1e-7, 0.1, "1234567890.000000000000000000000000000001"],
    ["numeric", { precision: 10, scale: 2 }, "1.005", 5, "5.00", "5"],
    ["bigint", {}, "9007199254740993", 5, "-1", 9007199254740993n],
    ["real", {}, 0.1, 16777217, "1.5"],
    ["double precision", {}, 0.1, 1e300, -0, NaN, "Infinity"],
    ["boolean", {}, true, false, 1],
    [Boolean as never, {}, true, false],
    ["bit", { length: "4" }, "1010", "0001"],
    ["bit varying", { length: "8" }, "1010", "1"],
    ["date", {}, "2020-02-29", date],
    ["time", { precision: 3 }, "10:11:12.345", "01:02:03", date],
    ["timetz", {}, "10:11:12.345678+02", "01:02:03-05"],
    ["timestamp", { precision: 6 }, date, "2020-01-01 01:02:03.123456"],
    ["timestamptz", { precision: 3 }, date, "2020-01-01T01:02:03.123456Z"],
    ["interval", {}, "1 day 2 hours", { days: 3 }],
    ["uuid", {}, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"],
    ["enum", { enum: ["a", "B", "c'd"] }, "a", "B", "c'd"],
    ["enum", { enum: ["a", "b"], array: true, enumName: "arr_enum" }, ["a"], ["a", "b"], []],
    ["json", {}, { a: [1, null, { b: "x" }] }, [1, 2], "top", 5, false],
    ["jsonb", {}, { a: [1, null, { b: "'x\\" }] }, [], "top", 0, true],
    ["simple-json", {}, { a: 1 }, [1], "s", 3],
    ["int", { array: true }, [1, 2], [], [3]],
    ["text", { array: true }, ["a,b", 'q"'], ["null", "NULL"], [""]],
    ["simple-array", {}, ["a", "b"], [], ["1"]],
    ["simple-enum", { enum: ["x", "y"], enumName: "simp" }, "x", "y"],
    ["bytea", {}, bytes(0, 255, 92), bytes()],
    ["inet", {}, "10.0.0.1", "::1/64"],
    ["cidr", {}, "10.0.0.0/8", "::1/128"],
    ["macaddr", {}, "08:00:2b:01:02:03"],
    ["point", {}, { x: 1.5, y: 2 }, "(3,4)"],
    ["circle", {}, { x: 1, y: 2, radius: 3 }, { x: 2, y: 2, radius: 3 }],
    ["box", {}, "(3,3),(1,1)"],
    ["int4range", {}, "[1,5)", "empty"],
    ["tstzrange", {}, '["2020-01-01 00:00:00+00","2020-01-02 00:00:00+00")'],
    ["tsvector", {}, "'a':1 'b':2"],
    ["money", {}, "$12.50", "7"],
    ["xml", {}, "<a>1</a>"],
    ["char", { length: "5" }, "ab", "abc  ", "é"],
    ["varchar", { length: "4" }, "ab", "ab  ", "日本", ""],
    ["varchar", { length: "9", collation: "C" }, "a", "Ä", "B"],
    ["text", {}, text2Mb, "x", "\\ ' \" ? $1 :a"],
    ["smallint", {}, 1, "2", 1.5],
    ["hstore", { hstoreType: "object" }, { a: "1", b: null }, { 'q"': "x" }],
    ["citext", {}, "Ab", "AB"],
    ["ltree", {}, "a.b.c", "a.b"],
    ["cube", {}, [1, 2, 3], [4, 5, 6]],
  ],
  mariadb: [
    ["decimal", { precision: 40, scale: 30 }, "0.1", 1e-7, 0.1, "1234567890.000000000000000000000000000001"],
    ["decimal", { precision: 10, scale: 2 }, "1.005", 5, "5.00", 1.005],
    ["bigint", {}, "9007199254740993", 5, "-1", 9007199254740993n],
    ["bigint", { unsigned: true }, "18446744073709551615", 5],
    ["bigint", { zerofill: true } as ColumnOptions, "7", 8],
    ["int", { unsigned: true }, 4294967295, "5", 1.5],
    ["tinyint", { width: 1 } as ColumnOptions, 1, 0, true],
    [Boolean as never, {}, true, false],
    ["float", {}, 0.1, 16777217, "1.5"],
    ["double", {}, 0.1, 1e300, -0, 1e-7],
    ["bit", { width: 4 } as ColumnOptions, bytes(1), bytes(0)],
    ["date", {}, "2020-02-29", date],
    ["time", { precision: 3 }, "10:11:12.345", "-01:02:03", "30:00:00"],
    ["datetime", { precision: 6 }, date, "2020-01-01 01:02:03.123456"],
    ["datetime", {}, date, "2020-01-01 01:02:03.9"],
    ["timestamp", { precision: 3, nullable: true }, date],
    ["year", {}, 2020, "1999"],
    ["enum", { enum: ["a", "B", "c'd"] }, "a", "B", "c'd"],
    ["enum", { enum: ["1", "2", "3"] }, "2", 3],
    ["set", { enum: ["a", "b"] }, ["a"], ["a", "b"], []],
    ["json", {}, { a: [1, null, { b: "'x\\" }] }, [1, 2], "top", 5, false],
    ["simple-json", {}, { a: 1 }, [1], "s", 3],
    ["simple-array", {}, ["a", "b"], [], ["1"]],
    ["simple-enum", { enum: ["x", "y"] }, "x", "y"],
    ["blob", {}, bytes(0, 255, 92), bytes()],
    ["longblob", {}, Buffer.alloc(2_000_000, 7), bytes(39, 0)],
    ["varbinary", { length: "8" }, bytes(1, 2), bytes(0), bytes(32, 32)],
    ["binary", { length: "4" }, bytes(1, 2), bytes(1, 2, 3, 4)],
    ["uuid", {}, "A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12"],
    ["inet6", {}, "::1", "fe80::1"],
    ["char", { length: "5" }, "ab", "abc  ", "é"],
    ["varchar", { length: "4" }, "ab", "ab  ", "日本", ""],
    ["varchar", { length: "9", charset: "latin1", collation: "latin1_swedish_ci" }, "é", "a", "ß"],
    ["varchar", { length: "9", charset: "latin1", collation: "latin1_swedish_ci" }, "日"],
    ["varchar", { length: "9", charset: "ascii", collation: "ascii_bin" }, "a", "B"],
    ["varchar", { length: "9", collation: "utf8mb4_bin" }, "a", "Ä", "🙂"],
    ["varchar", { length: "9", charset: "utf8mb3", collation: "utf8mb3_general_ci" }, "日本", "🙂"],
    ["longtext", {}, text2Mb, "x", "\\ ' \" ? $1 :a"],
    ["tinytext", {}, "x", "y".repeat(255)],
    ["point", {}, "POINT(1 2)"],
  ],
  sqlite: [
    ["numeric", {}, "0.1", 1e-7, "5.00", "abc"],
    ["integer", {}, 5, "6", 1.5, 9007199254740993n],
    ["bigint", {}, "9007199254740993", 5],
    ["real", {}, 0.1, 5, "1.5", -0],
    ["boolean", {}, true, false],
    ["date", {}, "2020-02-29", date],
    ["time", {}, "10:11:12", date],
    ["datetime", {}, date, "2020-01-01 01:02:03.123"],
    ["text", {}, text2Mb, "x", 5, 1.5, "12", "1e3"],
    ["varchar", { length: "4", collation: "NOCASE" }, "a", "A", "日本", ""],
    ["blob", {}, bytes(0, 255, 92), bytes()],
    ["json", {}, { a: [1, null] }, "top", 5, [1]],
    ["simple-json", {}, { a: 1 }, [1], "s", 3],
    ["simple-array", {}, ["a", "b"], [], ["1"]],
    ["simple-enum", { enum: ["x", "y"] }, "x", "y"],
    ["none" as never, {}, 1],
  ].slice(0, -1) as unknown as Case[],
};

function entityOf([type, options]: Case, index: number, name: DatabaseName): Function {
  class Typed {
    declare id: number;
    declare value: unknown;
    declare version: number;
    declare updatedAt: Date;
  }
  PrimaryColumn("int")(Typed.prototype, "id");
  Column({ nullable: true, ...options, type } as never)(Typed.prototype, "value");
  RowVersion()(Typed.prototype, "version");
  UpdateDateColumn(name === "sqlite" ? {} : ({ precision: 3 } as never))(Typed.prototype, "updatedAt");
  Reflect.defineMetadata("design:type", Number, Typed.prototype, "version");
  Entity({ name: `typed_${name}_${index}` })(Typed);
  return Typed;
}

eachDatabase((scratch, name) => {
  let pair: Pair;
  const entities = (cases[name] ?? []).map((one, index) => entityOf(one, index, name));
  beforeAll(async () => {
    pair = await openPair(scratch(), entities);
  });

  it.each(cases[name].map((one, index) => [index, String(one[0]), one] as const))(
    "%i %s: what is written, one by one and in a list",
    async (index, _, [type, , ...values]) => {
      const Typed = entities[index] as new () => any;
      await expectSame(pair, async (ds) => {
        const ids = values.map((_value, i) => i + 1);
        for (const id of [...ids, 90, 91]) await ds.manager.insert(Typed, { id });
        const steps: unknown[] = [];
        for (const id of ids) {
          const one = await ds.manager.findOneByOrFail(Typed, { id });
          one.value = values[id - 1];
          steps.push(await outcomeOf(() => ds.manager.save(one)), { ...one });
          // These TypeORM writes again though nothing has changed.
          if (rewritten.test(String(type)) || Number.isNaN(one.value)) continue;
          steps.push(await outcomeOf(() => ds.manager.save(one)), { ...one });
        }
        steps.push(await rowsOf(ds, Typed));
        const list = await ds.manager.find(Typed, { order: { id: "ASC" } });
        list.forEach((one, i) => (one.value = i >= ids.length ? null : values[(i + 1) % ids.length]));
        list.at(-1).value = values[0];
        list.at(-2).value = values.at(-1);
        steps.push(
          await outcomeOf(() => ds.manager.save(list)),
          list.map((one) => ({ ...one })),
        );
        steps.push(await rowsOf(ds, Typed));
        for (const one of list) one.value = null;
        steps.push(
          await outcomeOf(() => ds.manager.save(list)),
          list.map((one) => ({ ...one })),
        );
        return [steps, await rowsOf(ds, Typed)];
      });
    },
  );
});
