import { EntitySchema, type DataSource, type EntitySchemaColumnOptions } from "typeorm";
import { guardDataSource, isOptimisticLockError, type EntityConcurrency } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

interface Row {
  id: number | string;
  token: unknown;
  note: string | null;
}

// What a token may be, and something else that it may be.
const tokens: readonly (readonly [EntitySchemaColumnOptions, unknown, unknown])[] = [
  [{ type: "int", nullable: true }, null, 0],
  [{ type: "int" }, 0, 1],
  [{ type: Boolean }, false, true],
  [{ type: "varchar" }, "", "a"],
  [{ type: "varchar" }, "a", "A"],
  [{ type: Date }, new Date("2024-01-01T00:00:00.000Z"), new Date("2024-01-01T00:00:01.000Z")],
  [{ type: "simple-json" }, { a: [1, null] }, { a: [1] }],
  [{ type: "numeric", precision: 12, scale: 2 }, "0.10", "0.20"],
];

eachDatabase((scratch, database) => {
  const log = new QueryLog();
  const open = async (
    columns: Record<string, EntitySchemaColumnOptions>,
    declared: EntityConcurrency = {},
  ): Promise<{ mine: DataSource; theirs: DataSource }> => {
    const entity = new EntitySchema<Row>({
      name: "Row",
      tableName: "direct_token",
      columns: { id: { type: "int", primary: true }, note: { type: "varchar", nullable: true }, ...columns },
    });
    const theirs = await scratch().dataSource([entity], { synchronize: true, dropSchema: true }).initialize();
    const mine = scratch().dataSource([entity], { logging: true, logger: log });
    guardDataSource(mine, { entities: new Map([[entity, declared]]) });
    return { mine: await mine.initialize(), theirs };
  };

  describe.each(tokens)("a list of rows with a token of %j", (type, value, other) => {
    it.each([value, other])("that is %j names the one row in which it has changed", async (expected) => {
      const { mine, theirs } = await open({ token: type }, { concurrencyTokens: ["token"] });
      const [before, after] = expected === value ? [value, other] : [other, value];
      await theirs.manager.insert("Row", [1, 2, 3].map((id) => ({ id, token: before })) as object[]);
      const rows = (await mine.manager.find("Row", { order: { id: "ASC" } })) as Row[];
      await theirs.manager.update("Row", 2, { token: after });
      for (const row of rows) row.note = "mine";
      const error: unknown = await mine.manager.save("Row", rows).catch((reason: unknown) => reason);
      expect(isOptimisticLockError(error) && error.conflicts.map(({ id }) => id)).toEqual([{ id: 2 }]);
      expect(await theirs.manager.countBy("Row", { note: "mine" } as object)).toBe(0);
      const fresh = [rows[0]!, rows[2]!];
      const statements = await log.during(() => mine.manager.save("Row", fresh));
      expect(statements.filter((statement) => statement.startsWith("UPDATE"))).toHaveLength(1);
      expect(await theirs.manager.countBy("Row", { note: "mine" } as object)).toBe(2);
      await mine.manager.remove("Row", fresh);
      expect(await theirs.manager.count("Row")).toBe(1);
      await mine.destroy();
      await theirs.destroy();
    });
  });

  // MySQL and MariaDB compare a number column with text as doubles, which have fifteen digits.
  it.each(["decimal", "bigint"] as const)("a key of type %s is one row", async (type) => {
    if (database === "sqlite") return;
    const isDecimal = type === "decimal";
    const ids = isDecimal
      ? ["12345678901234567.1", "12345678901234567.2", "12345678901234567.3"]
      : ["9007199254740993", "9007199254740992", "9007199254740994"];
    const key = { type, primary: true, ...(isDecimal ? { precision: 30, scale: 1 } : {}) } as const;
    const version = { type: Number, version: true } as const;
    const { mine, theirs } = await open({ id: key, token: version });
    for (const id of ids) await theirs.manager.insert("Row", { id });
    const rows = (await mine.manager.find("Row", { order: { id: "ASC" } })) as Row[];
    rows[1]!.note = "mine";
    await mine.manager.save("Row", rows[1]!);
    const notes = async (): Promise<unknown[]> =>
      ((await theirs.manager.find("Row", { order: { id: "ASC" } })) as Row[]).map(({ note }) => note);
    expect(await notes()).toEqual([null, "mine", null]);
    await mine.manager.remove("Row", rows[1]!);
    expect(await notes()).toEqual([null, null]);
    await mine.destroy();
    await theirs.destroy();
  });
});
