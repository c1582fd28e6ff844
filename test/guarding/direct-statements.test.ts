import { Column, Entity, PrimaryGeneratedColumn, UpdateDateColumn, type DataSource } from "typeorm";
import { guardDataSource, RowVersion, type GuardOptions } from "typeorm-concurrency";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
class Item {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @Column("int", { default: 0 }) stock: number;
  @Column("simple-json", { nullable: true }) settings: { sizes: number[] } | null;
  @RowVersion() version: number;
}

@Entity()
class Dated {
  @PrimaryGeneratedColumn() id: number;
  @Column() name: string;
  @UpdateDateColumn() changedAt: Date;
  @RowVersion() version: number;
}

/** Its column is of another type in the database. */
@Entity()
class Called {
  @PrimaryGeneratedColumn() id: number;
  @Column("text", { nullable: true, transformer: { to: (text: string | null) => text, from: asText } })
  text: string | null;
  @RowVersion() version: number;
}

function asText(value: unknown): unknown {
  return value === null || typeof value === "string" ? value : "loaded";
}

@Entity()
class Shape {
  @PrimaryGeneratedColumn() id: number;
  @Column("box") outline: string;
  @RowVersion() version: number;
}

eachDatabase((scratch, database) => {
  const entities = database === "postgres" ? [Item, Dated, Shape, Called] : [Item, Dated];
  const begin = { sqlite: "BEGIN TRANSACTION", postgres: "START TRANSACTION", mariadb: "START TRANSACTION" }[
    database
  ];
  let mine: DataSource;
  let looker: DataSource;
  let log: QueryLog;

  const open = async (options?: GuardOptions): Promise<void> => {
    log = new QueryLog();
    const shared = { logging: true, logger: log } as const;
    mine = await guardDataSource(scratch().dataSource(entities, shared), options).initialize();
  };
  beforeEach(async () => {
    looker = await scratch().dataSource(entities, { synchronize: true, dropSchema: true }).initialize();
    await open();
  });
  afterEach(async () => {
    await mine.destroy();
    await looker.destroy();
  });

  const loaded = async (count: number): Promise<Item[]> => {
    const rows = Array.from({ length: count }, (_, index) => ({ name: `item ${index}`, stock: 10 }));
    for (let start = 0; start < count; start += 500) {
      await looker.manager.insert(Item, rows.slice(start, start + 500));
    }
    return mine.manager.find(Item, { order: { id: "ASC" } });
  };
  const rows = async (): Promise<unknown[]> =>
    (await looker.manager.find(Item, { order: { id: "ASC" } })).map(({ name, stock, version }) => [
      name,
      stock,
      version,
    ]);

  describe("one loaded entity", () => {
    it("is settled although its connection could not be given back", async () => {
      const [item] = await loaded(1);
      const error = new Error("not given back");
      const createQueryRunner = mine.createQueryRunner.bind(mine);
      mine.createQueryRunner = (mode) => {
        mine.createQueryRunner = createQueryRunner;
        const queryRunner = createQueryRunner(mode);
        const release = queryRunner.release.bind(queryRunner);
        queryRunner.release = async () => {
          queryRunner.release = release;
          await release();
          throw error;
        };
        return queryRunner;
      };
      item!.stock = 9;
      await expect(mine.manager.save(item!)).rejects.toBe(error);
      expect(item!.version).toBe(2);
      item!.name = "renamed";
      await mine.manager.save(item!);
      expect(await rows()).toEqual([["renamed", 9, 3]]);
    });

    it("is saved by one UPDATE of what was changed", async () => {
      const [item] = await loaded(1);
      item!.stock = 9;
      expect(await log.during(() => mine.manager.save(item!))).toEqual([
        {
          sqlite:
            'UPDATE "item" SET "stock" = ?, "version" = "version" + 1 WHERE "id" = ? AND ("version" = ?)',
          postgres:
            'UPDATE "item" SET "stock" = $1, "version" = "version" + 1 WHERE "id" = $2 AND ("version" = $3) RETURNING "version"',
          mariadb:
            "UPDATE `item` SET `stock` = ?, `version` = `version` + 1 WHERE `id` = ? AND (`version` = ?)",
        }[database],
      ]);
      expect(item).toMatchObject({ stock: 9, version: 2 });
      expect(await rows()).toEqual([["item 0", 9, 2]]);
    });

    it("is removed by one DELETE", async () => {
      const [item] = await loaded(1);
      expect(await log.during(() => mine.manager.remove(item!))).toEqual([
        {
          sqlite: 'DELETE FROM "item" WHERE "id" = ? AND ("version" = ?)',
          postgres: 'DELETE FROM "item" WHERE "id" = $1 AND ("version" = $2)',
          mariadb: "DELETE FROM `item` WHERE `id` = ? AND (`version` = ?)",
        }[database],
      ]);
      expect(item!.id).toBeUndefined();
      expect(await rows()).toEqual([]);
    });

    it("is saved again and again by what each save has changed", async () => {
      const [item] = await loaded(1);
      for (const stock of [9, 8, 7]) {
        item!.stock = stock;
        expect(await log.during(() => mine.manager.save(item!))).toHaveLength(1);
      }
      expect(await rows()).toEqual([["item 0", 7, 4]]);
    });

    it("is saved in a transaction by one statement more", async () => {
      const [item] = await loaded(1);
      item!.stock = 9;
      const statements = await log.during(() => mine.transaction((manager) => manager.save(item!)));
      expect(statements).toEqual([begin, expect.stringMatching(/^UPDATE /), "COMMIT"]);
    });

    it("is asked for where nothing was changed, since it may be gone", async () => {
      const [item] = await loaded(1);
      expect(await log.during(() => mine.manager.save(item!))).toEqual([expect.stringMatching(/^SELECT /)]);
      await looker.manager.delete(Item, item!.id);
      await expect(mine.manager.save(item!)).rejects.toMatchObject({ conflicts: [{ reason: "deleted" }] });
    });

    it("gets the update date that the database has made", async () => {
      await looker.manager.insert(Dated, { name: "before" });
      await looker.query(`UPDATE dated SET ${mine.driver.escape("changedAt")} = '2020-01-02 03:04:05'`);
      const dated = await mine.manager.findOneByOrFail(Dated, {});
      dated.name = "after";
      const statements = await log.during(() => mine.manager.save(dated));
      // Without RETURNING it is read, in a transaction.
      expect(statements).toHaveLength(database === "postgres" ? 1 : 4);
      const row = await looker.manager.findOneByOrFail(Dated, {});
      expect(row.changedAt.getFullYear()).toBeGreaterThan(2020);
      expect(dated).toEqual(row);
    });
  });

  describe("a list of loaded entities", () => {
    it("is saved by one statement in a transaction", async () => {
      const items = await loaded(3);
      for (const item of items) item.stock -= item.id;
      const statements = await log.during(() => mine.manager.save(items));
      expect(statements).toEqual([
        begin,
        {
          sqlite:
            'UPDATE "item" SET "stock" = concurrency_value_1, "version" = "version" + 1 FROM ' +
            "(SELECT column1 AS concurrency_value_0, column2 AS concurrency_value_1, column3 AS concurrency_value_2 " +
            "FROM (VALUES (?, ?, ?), (?, ?, ?), (?, ?, ?))) AS concurrency_rows " +
            'WHERE "id" = concurrency_value_0 AND ("version" = concurrency_value_2)',
          postgres:
            'UPDATE "item" SET "stock" = concurrency_value_1, "version" = "version" + 1 FROM unnest(' +
            'ARRAY[(CAST(NULL AS "item"))."id"] || $1, ARRAY[(CAST(NULL AS "item"))."stock"] || $2, ' +
            'ARRAY[(CAST(NULL AS "item"))."version"] || $3) WITH ORDINALITY AS concurrency_rows ' +
            "(concurrency_value_0, concurrency_value_1, concurrency_value_2, concurrency_row) " +
            'WHERE "id" = concurrency_value_0 AND ("version" = concurrency_value_2) RETURNING concurrency_row, "version"',
          mariadb:
            "UPDATE (SELECT `id` AS concurrency_value_0, `stock` AS concurrency_value_1, " +
            "`version` AS concurrency_value_2 FROM `item` WHERE FALSE UNION ALL SELECT ?, ?, ? " +
            "UNION ALL SELECT ?, ?, ? UNION ALL SELECT ?, ?, ?) AS concurrency_rows STRAIGHT_JOIN `item` ON `id` = concurrency_value_0 " +
            "SET `stock` = concurrency_value_1, `version` = `version` + 1 WHERE (`version` = concurrency_value_2)",
        }[database],
        "COMMIT",
      ]);
      expect(items.map(({ stock, version }) => [stock, version])).toEqual([
        [9, 2],
        [8, 2],
        [7, 2],
      ]);
      expect(await rows()).toEqual(items.map(({ name, stock }) => [name, stock, 2]));
    });

    if (database === "postgres") {
      it("is given row by row where its values are more than elements of an array can be", async () => {
        await looker.manager.insert(Shape, [{ outline: "(2,2),(1,1)" }, { outline: "(4,4),(3,3)" }]);
        const shapes = await mine.manager.find(Shape, { order: { id: "ASC" } });
        for (const shape of shapes) shape.outline = `(${shape.id + 6},6),(5,5)`;
        const statements = await log.during(() => mine.manager.save(shapes));
        expect(statements[1]).toContain(
          '(VALUES ((CAST(NULL AS "shape"))."id", (CAST(NULL AS "shape"))."outline", (CAST(NULL AS "shape"))."version", 1), ' +
            "($1, $2, $3, 2), ($4, $5, $6, 3)) AS concurrency_rows",
        );
        const found = await looker.manager.find(Shape, { order: { id: "ASC" } });
        expect(found.map(({ outline, version }) => [outline, version])).toEqual([
          ["(7,6),(5,5)", 2],
          ["(8,6),(5,5)", 2],
        ]);
      });

      const called: [type: string, first: string, ...values: (string | null)[]][] = [
        ["box", "(1,1),(0,0)", "(2,2),(1,1)", null],
        ["text[]", "{a}", "{b,c}", '{"d e"}'],
        ["text[]", "{a}", null, null],
        ["part", "(1,a)", '(2,"b c")', null],
        ["part", "(1,a)", null, null],
        ["uuid", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12", null],
        ["jsonb", "{}", '{"a": 1}', '"b"'],
        ["text", "(1", "(a)", "{b"],
      ];
      it.each(called)("writes a %s that the entity calls a text", async (type, first, ...values) => {
        const { manager } = looker;
        await manager.query("DROP TYPE IF EXISTS part CASCADE");
        await manager.query("CREATE TYPE part AS (number integer, name text)");
        await manager.query(`ALTER TABLE called DROP COLUMN IF EXISTS text, ADD text ${type}`);
        await manager.query("TRUNCATE called RESTART IDENTITY");
        await manager.query("INSERT INTO called (text, version) VALUES ($1, 1), ($1, 1)", [first]);
        const list = await mine.manager.find(Called, { order: { id: "ASC" } });
        list.forEach((one, index) => (one.text = values[index] ?? null));
        const statements = await log.during(() => mine.manager.save(list));
        expect(statements).toHaveLength(3);
        expect(await manager.query('SELECT text::text, version FROM "called" ORDER BY id')).toEqual(
          values.map((text) => ({ text, version: 2 })),
        );
      });
    }

    it("leaves the caller's transaction alone when an object does not take its new version", async () => {
      const list = await loaded(2);
      const error = new Error("not taken");
      Object.defineProperty(list[1], "version", {
        get: () => 1,
        set() {
          if (log.statements.some((statement) => statement.startsWith("RELEASE "))) throw error;
        },
      });
      for (const item of list) item.stock = 9;
      await mine.transaction(async (manager) => {
        await expect(manager.save(list)).rejects.toBe(error);
        await manager.save(Item, { name: "after", stock: 1 });
      });
      expect(await rows()).toEqual([
        ["item 0", 9, 2],
        ["item 1", 9, 2],
        ["after", 1, 1],
      ]);
    });

    it("is removed by one statement in a transaction", async () => {
      const items = await loaded(4);
      const kept = items.pop()!;
      const statements = await log.during(() => mine.manager.remove(items));
      expect(statements).toEqual([begin, expect.stringMatching(/^DELETE /), "COMMIT"]);
      expect(items.map(({ id }) => id)).toEqual([undefined, undefined, undefined]);
      expect(await rows()).toEqual([[kept.name, 10, 1]]);
    });

    it("has a statement for each set of columns that was changed", async () => {
      const items = await loaded(6);
      items.forEach((item, index) => (index % 2 === 0 ? (item.stock = index) : (item.name = `new ${index}`)));
      const statements = await log.during(() => mine.manager.save(items));
      expect(statements.filter((statement) => statement.startsWith("UPDATE"))).toHaveLength(2);
      expect(await rows()).toEqual([
        ["item 0", 0, 2],
        ["new 1", 10, 2],
        ["item 2", 2, 2],
        ["new 3", 10, 2],
        ["item 4", 4, 2],
        ["new 5", 10, 2],
      ]);
    });

    it("is written in statements of a thousand rows", async () => {
      const items = await loaded(2500);
      for (const item of items) item.stock = -item.id;
      const saved = await log.during(() => mine.manager.save(items));
      expect(saved.filter((statement) => statement.startsWith("UPDATE"))).toHaveLength(3);
      expect(await looker.manager.countBy(Item, { version: 2 })).toBe(2500);
      const sum = await looker.manager.sum(Item, "stock");
      expect(sum).toBe(items.reduce((total, { id }) => total - id, 0));
      const removed = await log.during(() => mine.manager.remove(items));
      expect(removed.filter((statement) => statement.startsWith("DELETE"))).toHaveLength(3);
      expect(await looker.manager.count(Item)).toBe(0);
    });

    it("with long values is written in statements of about a megabyte", async () => {
      await looker.query(
        {
          sqlite: "SELECT 1",
          postgres: 'ALTER TABLE "item" ALTER "name" TYPE text',
          mariadb: "ALTER TABLE item MODIFY name longtext",
        }[database],
      );
      const items = await loaded(5);
      for (const item of items) item.name = String(item.id).repeat(400_000);
      const statements = await log.during(() => mine.manager.save(items));
      expect(statements.filter((statement) => statement.startsWith("UPDATE"))).toHaveLength(3);
      expect((await looker.manager.find(Item, { order: { id: "ASC" } })).map(({ name }) => name)).toEqual(
        items.map(({ name }) => name),
      );
    });
  });

  describe("with directWrites: false", () => {
    it.each(["save", "remove"] as const)("a %s sends what TypeORM sends", async (method) => {
      const items = await loaded(2);
      await mine.destroy();
      await open({ directWrites: false });
      const [first] = await mine.manager.find(Item, { order: { id: "ASC" } });
      first!.stock = 1;
      const write = (): Promise<unknown> =>
        method === "save" ? mine.manager.save(first!) : mine.manager.remove(first!);
      const statements = await log.during(write);
      expect(statements).toEqual([
        expect.stringMatching(/^SELECT /),
        begin,
        expect.stringMatching(method === "save" ? /^UPDATE / : /^DELETE /),
        "COMMIT",
      ]);
      expect(await rows()).toEqual(
        method === "save"
          ? [
              ["item 0", 1, 2],
              ["item 1", 10, 1],
            ]
          : [["item 1", 10, 1]],
      );
      expect(items).toHaveLength(2);
    });
  });
});
