import { EntitySchema, type DataSource, type EntitySchemaColumnOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

type Type = readonly [Omit<EntitySchemaColumnOptions, "primary">, ...unknown[]];

interface Row {
  id: unknown;
  value: unknown;
  note: string;
  version: number;
}

class Money {
  constructor(readonly cents: number) {}
}
const money = {
  to: (value: Money | null) => (value === null || value === undefined ? value : value.cents),
  from: (cents: number | null) => (cents === null ? null : new Money(cents)),
};

// Each with three values that a row may have, besides null.
const everywhere: readonly Type[] = [
  [{ type: "int" }, 0, -1, 2147483647],
  [{ type: "smallint" }, 0, -1, 32767],
  [{ type: "bigint" }, "9007199254740993", "-9223372036854775808", "0"],
  [{ type: "numeric", precision: 30, scale: 10 }, "1.0000000001", "12345678901234567890.0987654321", "0"],
  [{ type: "float" }, 0.1, -1e30, 0],
  [{ type: "varchar" }, "", "ünï\u{1F600}'\"\\", "a "],
  [{ type: "text" }, "", "x".repeat(60_000), "0"],
  [{ type: Boolean }, true, false, true],
  [{ type: "date" }, "2024-02-29", "1970-01-01", "9999-12-31"],
  [{ type: "time" }, "00:00:00", "23:59:59", "12:30:00"],
  [{ type: Date }, new Date(0), new Date("2024-02-29T12:34:56.000Z"), new Date("2037-12-31T23:59:59.000Z")],
  [{ type: "simple-json" }, { a: [1, null, "x"] }, [], "text"],
  [{ type: "simple-array" }, ["a", "b"], [], ["c"]],
  [{ type: "int", transformer: money }, new Money(0), new Money(150), new Money(-1)],
];

const types: Readonly<Record<string, readonly Type[]>> = {
  sqlite: [
    ...everywhere,
    [{ type: "blob" }, Buffer.from([0, 255]), Buffer.alloc(0), Buffer.from("x")],
    [{ type: "simple-enum", enum: ["a", "b"] }, "a", "b", "a"],
    [{ type: "datetime" }, new Date(0), new Date("2024-02-29T12:34:56.789Z"), new Date(1)],
  ],
  postgres: [
    ...everywhere,
    [{ type: "jsonb" }, { a: [1, null, { b: "x" }] }, [1, 2], { c: null }],
    [{ type: "json" }, { a: 1 }, ["x"], {}],
    [{ type: "int", array: true }, [1, 2], [], [3]],
    [{ type: "text", array: true }, ["a,b", 'q"'], [], [""]],
    [{ type: "enum", enum: ["one", "two", "three"], enumName: "direct_enum" }, "one", "two", "three"],
    [{ type: "enum", enum: ["x", "y"], array: true, enumName: "direct_enums" }, ["x"], ["x", "y"], []],
    [{ type: "bytea" }, Buffer.from([0, 255, 92]), Buffer.alloc(0), Buffer.from("x")],
    [
      { type: "uuid" },
      "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
      "6BA7B810-9DAD-11D1-80B4-00C04FD430C9",
      "00000000-0000-0000-0000-000000000000",
    ],
    [{ type: "timestamptz", precision: 3 }, new Date(0), new Date("2024-02-29T12:34:56.789Z"), new Date(1)],
    [{ type: "interval" }, "1 day", "02:00:00", "1 mon 00:00:05"],
    [{ type: "inet" }, "10.0.0.1", "::1", "10.0.0.0/8"],
    [{ type: "char", length: "5" }, "a", "ab   ", "abcde"],
    [{ type: "double precision" }, 0.1, 1e300, -0.5],
    [{ type: "varchar", length: "3" }, "abc", "", "x"],
  ],
  mariadb: [
    ...everywhere,
    [{ type: "json" }, { a: [1, null, { b: "x" }] }, [1, 2], { c: null }],
    [{ type: "enum", enum: ["one", "two", "three"] }, "one", "two", "three"],
    [{ type: "set", enum: ["x", "y"] }, ["x"], ["x", "y"], []],
    [{ type: "blob" }, Buffer.from([0, 255]), Buffer.alloc(0), Buffer.from("x")],
    [{ type: "datetime", precision: 3 }, new Date(0), new Date("2024-02-29T12:34:56.789Z"), new Date(1)],
    [{ type: "timestamp", nullable: true }, new Date(1000), new Date("2024-02-29T12:34:56Z"), new Date(2000)],
    [{ type: "bigint", unsigned: true }, "18446744073709551615", "0", "1"],
    [{ type: "bit" }, Buffer.from([1]), Buffer.from([0]), Buffer.from([1])],
    [{ type: "char", length: "5" }, "a", "ab", "abcde"],
    [{ type: "year" }, 1999, 2024, 1970],
    [
      { type: "uuid" },
      "6ba7b810-9dad-11d1-80b4-00c04fd430c8",
      "6ba7b810-9dad-11d1-80b4-00c04fd430c9",
      "00000000-0000-0000-0000-000000000000",
    ],
    [{ type: "varchar", charset: "latin1", collation: "latin1_swedish_ci" }, "a", "A", "é"],
  ],
};

const keys: readonly Type[] = [
  [{ type: "varchar", length: 100 }, "", "ünï'\"", "x"],
  [{ type: "uuid", generated: "uuid" }, undefined, undefined, undefined],
];

// SQLite's drivers give no such number exactly.
const exactKeys: readonly Type[] = [
  [{ type: "bigint" }, "9007199254740993", "9007199254740992", "9007199254740994"],
  [
    { type: "numeric", precision: 30, scale: 2 },
    "12345678901234567890.01",
    "12345678901234567890.02",
    "1.50",
  ],
];

eachDatabase((scratch, database) => {
  const open = async (
    value: EntitySchemaColumnOptions,
    key: EntitySchemaColumnOptions,
    directWrites: boolean,
  ): Promise<{ dataSource: DataSource; log: QueryLog }> => {
    const entity = new EntitySchema<Row>({
      name: "Row",
      tableName: "direct_row",
      columns: {
        id: { ...key, primary: true },
        value: { nullable: true, ...value } as EntitySchemaColumnOptions,
        note: { type: "varchar", length: 20, default: "" },
        version: { type: Number, version: true },
      },
    });
    const log = new QueryLog();
    const shared = { synchronize: true, dropSchema: true, logging: true, logger: log } as const;
    const dataSource = scratch().dataSource([entity], shared);
    await guardDataSource(dataSource, { directWrites }).initialize();
    return { dataSource, log };
  };

  /** Saves three rows with one list, to these values, and tells all that comes of it. */
  const saveAll = async (
    [value, ...values]: Type,
    [key, ...ids]: Type,
    directWrites: boolean,
  ): Promise<{ outcome: unknown; updates: number }> => {
    const { dataSource, log } = await open(value, key, directWrites);
    const { manager } = dataSource;
    const order = { order: { note: "ASC" } } as const;
    await manager.save(
      "Row",
      ids.map((id, index) => ({ id, note: `row ${index}`, value: null })),
    );
    const rows = (await manager.find("Row", order)) as Row[];
    const outcome: unknown[] = [];
    let updates = 0;
    for (const shift of [0, 1, 3]) {
      // Everything but the last one to null in the end.
      rows.forEach(
        (row, index) =>
          (row.value = shift === 3 ? (index === 2 ? values[1] : null) : values[(index + shift) % 3]),
      );
      const statements = await log.during(() => manager.save("Row", rows));
      const sent = statements.filter((statement) => statement.startsWith("UPDATE")).length;
      updates = Math.max(updates, sent);
      outcome.push(
        (await dataSource.query("SELECT * FROM direct_row ORDER BY note")) as unknown,
        await manager.find("Row", order),
        rows.map((row) => ({ ...row })),
      );
    }
    if (directWrites) {
      // The originals are those of the rows now: nothing is left to write.
      const unchanged = await log.during(() => manager.save("Row", rows));
      expect(unchanged.filter((statement) => statement.startsWith("UPDATE"))).toEqual([]);
    }
    await manager.remove("Row", rows.slice(0, 2));
    outcome.push(await manager.find("Row", order));
    await dataSource.destroy();
    return { outcome, updates };
  };

  const normal = (outcome: unknown, ids: readonly unknown[]): unknown =>
    // A key that the database makes is another one each time.
    ids[0] === undefined ? JSON.parse(JSON.stringify(outcome).replace(/[0-9a-f-]{36}/g, "key")) : outcome;

  it.each(types[database]!)("writes lists of %j as TypeORM does", async (...type) => {
    const key: Type = [{ type: "int" }, 1, 2, 3];
    const direct = await saveAll(type as unknown as Type, key, true);
    const stock = await saveAll(type as unknown as Type, key, false);
    expect(direct.outcome).toEqual(stock.outcome);
    // MySQL's drivers send bits in a form that only an assignment takes.
    const isAlone = (type as unknown as Type)[0].type === "bit";
    expect([direct.updates, stock.updates]).toEqual([isAlone ? 3 : 1, 3]);
  });

  it.each(database === "sqlite" ? keys : [...keys, ...exactKeys])(
    "finds rows by keys of %j",
    async (...key) => {
      const value: Type = [{ type: "int" }, 1, 2, 3];
      const direct = await saveAll(value, key as unknown as Type, true);
      const stock = await saveAll(value, key as unknown as Type, false);
      const ids = key.slice(1);
      expect(normal(direct.outcome, ids)).toEqual(normal(stock.outcome, ids));
      expect([direct.updates, stock.updates]).toEqual([1, 3]);
    },
  );
});
