import {
  ChildEntity,
  Column,
  Entity,
  PrimaryColumn,
  PrimaryGeneratedColumn,
  TableInheritance,
  Tree,
  TreeChildren,
  TreeParent,
  UpdateDateColumn,
  VersionColumn,
  type ColumnOptions,
  type DataSource,
  type QueryRunner,
} from "typeorm";
import {
  guardDataSource,
  isGuardConfigurationError,
  isOptimisticLockError,
  RowVersion,
  Unversioned,
  type RowVersionOptions,
  rowVersionTriggerSql,
} from "typeorm-concurrency";
import { triggerName } from "../../src/guarding/triggers/trigger-name";
import { eachDatabase, type DatabaseName } from "../support/databases";

interface OrderRow {
  region: string;
  id: number;
  title: string;
  payload: object;
  views: number;
  changedAt: Date;
  version: number | Date;
}

interface VersionKind {
  readonly name: string;
  readonly options: (database: DatabaseName) => RowVersionOptions;
  readonly isInstant?: boolean;
}

const instants: Readonly<Record<DatabaseName, ColumnOptions>> = {
  sqlite: { type: "datetime", default: () => "(strftime('%Y-%m-%d %H:%M:%f', 'now'))" },
  postgres: { type: "timestamptz", default: () => "clock_timestamp()" },
  mariadb: { type: "datetime", precision: 6, default: () => "CURRENT_TIMESTAMP(6)" },
};

const kinds: readonly VersionKind[] = [
  { name: "an integer that the UPDATE raises", options: () => ({}) },
  { name: "an integer that the database makes", options: () => ({ source: "database", type: "int" }) },
  {
    name: "an instant that the database makes",
    options: (database) => ({ source: "database", ...instants[database] }) as RowVersionOptions,
    isInstant: true,
  },
];

function orderWith(version: RowVersionOptions, database: DatabaseName): new () => OrderRow {
  @Entity("order")
  class Order implements OrderRow {
    @PrimaryColumn({ name: "key", length: 20 }) region: string;
    @PrimaryColumn("int") id: number;
    @Column({ name: "the title", ...(database === "sqlite" ? { collation: "NOCASE" } : {}) }) title: string;
    @Column(database === "sqlite" ? "simple-json" : "json") payload: object;
    @Unversioned() @Column("int", { name: "select", default: 0 }) views: number;
    @UpdateDateColumn() changedAt: Date;
    @RowVersion({ ...version, name: "row version" } as RowVersionOptions) version: number | Date;
  }
  return Order;
}

async function runTriggerSql(dataSource: DataSource, target: Function): Promise<void> {
  for (const sql of rowVersionTriggerSql(dataSource, target as never)) await dataSource.query(sql);
}

function escaped(dataSource: DataSource, sql: string): string {
  return sql.replace(/\[(.+?)\]/g, (_, name: string) => dataSource.driver.escape(name));
}

async function refusalOf(work: Promise<unknown>): Promise<unknown> {
  return work.then(
    () => undefined,
    (error: unknown) => error,
  );
}

// TypeORM 0.3 calls it by its old name.
function dataSourceOf(queryRunner: QueryRunner): DataSource {
  return queryRunner.dataSource ?? (queryRunner as any).connection;
}

eachDatabase((scratch, database) => {
  describe.each(kinds)("with $name, a trigger", ({ options, isInstant = false }) => {
    const Order = orderWith(options(database), database);
    let mine: DataSource;
    beforeAll(async () => {
      mine = await guardDataSource(
        scratch().dataSource([Order], { synchronize: true, dropSchema: true }),
      ).initialize();
      await runTriggerSql(mine, Order);
    });
    beforeEach(async () => {
      await mine.manager.clear(Order);
      await mine.manager.insert(
        Order,
        [1, 2].map((id) => ({ region: "north", id, title: "first", payload: { a: 1 } })),
      );
    });
    afterAll(() => mine.destroy());

    const load = (id = 1): Promise<OrderRow> => mine.manager.findOneByOrFail(Order, { region: "north", id });
    const raw = (set: string): Promise<unknown> =>
      mine.query(escaped(mine, `UPDATE [order] SET ${set} WHERE [key] = 'north' AND [id] = 1`));
    const versionText = isInstant ? "'2001-02-03 04:05:06'" : "1";

    /** How often `after` is raised from `before`; of an instant only whether it is. */
    const raises = (before: OrderRow, after: OrderRow): number => {
      const difference = Number(after.version) - Number(before.version);
      return isInstant ? Math.sign(difference) : difference;
    };

    it("raises the version for a writer outside the application", async () => {
      const [before, neighbour] = [await load(), await load(2)];
      await raw("[the title] = 'second'");
      const after = await load();
      expect(after.title).toBe("second");
      expect(raises(before, after)).toBe(1);
      expect(await load(2)).toEqual(neighbour);
    });

    it("raises every row of an UPDATE of several", async () => {
      const before = [await load(1), await load(2)];
      await mine.query(escaped(mine, `UPDATE [order] SET [the title] = 'all'`));
      const after = [await load(1), await load(2)];
      expect(after.map((row, index) => raises(before[index] as OrderRow, row))).toEqual([1, 1]);
    });

    it("makes the application's stale save be refused, and lets a fresh one through", async () => {
      const stale = await load();
      await raw("[the title] = 'theirs'");
      stale.title = "mine";
      expect(isOptimisticLockError(await refusalOf(mine.manager.save(stale)))).toBe(true);
      expect((await load()).title).toBe("theirs");

      const fresh = await load();
      for (const title of ["mine", "mine again"]) {
        fresh.title = title;
        const before = { ...fresh };
        await mine.manager.save(fresh);
        expect(raises(before, fresh)).toBe(1);
        expect((await load()).version).toEqual(fresh.version);
      }
    });

    it("sees a change of the JSON column alone", async () => {
      const before = await load();
      await raw(`[payload] = '{"a":2}'`);
      const after = await load();
      expect(after.payload).toEqual({ a: 2 });
      expect(raises(before, after)).toBe(1);
    });

    it("raises the version for an UPDATE that changes nothing", async () => {
      const before = await load();
      await raw("[the title] = [the title]");
      expect(raises(before, await load())).toBe(1);
    });

    it("tells two writes apart however fast they are", async () => {
      const versions = new Set<number>();
      for (let write = 0; write < 20; write += 1) {
        await raw("[the title] = 'fast'");
        versions.add(Number((await load()).version));
      }
      expect(versions.size).toBe(20);
    });

    it("follows a row whose key the UPDATE changes", async () => {
      const before = await load();
      await raw("[id] = 3");
      expect(raises(before, await load(3))).toBe(1);
    });

    describe.each(database === "sqlite" ? ["OFF", "ON"] : ["as it is"])("with recursion %s", (recursion) => {
      beforeAll(async () => {
        if (database === "sqlite") await mine.query(`PRAGMA recursive_triggers = ${recursion}`);
      });

      it("does not let a writer turn the version back", async () => {
        for (const title of ["one", "two"]) await raw(`[the title] = '${title}'`);
        const before = await load();
        await raw(`[the title] = 'three', [row version] = ${versionText}`);
        const between = await load();
        expect(raises(before, between)).toBe(1);
        await raw(`[row version] = ${versionText}`);
        expect(raises(between, await load())).toBe(1);
      });

      it("raises no further than the row's own next version", async () => {
        const before = await load();
        await raw("[the title] = 'one'");
        if (!isInstant) {
          await raw("[row version] = 100");
          await raw("[row version] = [row version] + 1, [the title] = 'two'");
          await raw("[row version] = [row version] - 1, [select] = 5");
          expect(Number((await load()).version)).toBe(Number(before.version) + 4);
        }
      });

      it("leaves the version alone when only unversioned columns change", async () => {
        const loaded = await load();
        await raw("[select] = [select] + 1");
        expect(await load()).toMatchObject({ views: 1, version: loaded.version });
        loaded.views = 7;
        await mine.manager.save(loaded);
        expect(await load()).toMatchObject({ views: 7, version: loaded.version });
        loaded.title = "not stale";
        await mine.manager.save(loaded);
        expect(await load()).toMatchObject({ title: "not stale", version: loaded.version });
      });

      it("raises the version when another column changes beside an unversioned one", async () => {
        let before = await load();
        for (const change of [
          "[the title] = 'second'",
          "[the title] = 'SECOND'",
          `[payload] = '{"a":3}'`,
          `[row version] = ${versionText}`,
        ]) {
          await raw(`[select] = [select] + 1, ${change}`);
          const after = await load();
          expect([change, raises(before, after)]).toEqual([change, 1]);
          before = after;
        }
      });
    });

    it("can be created again", async () => {
      await runTriggerSql(mine, Order);
      const before = await load();
      await raw("[the title] = 'second'");
      expect(raises(before, await load())).toBe(1);
    });

    it("raises the version of an update() and of an upsert once", async () => {
      for (const write of [
        () => mine.manager.update(Order, { id: 1 }, { title: "updated" }),
        () =>
          mine.manager.upsert(Order, { region: "north", id: 1, title: "upserted", payload: {} }, [
            "region",
            "id",
          ]),
      ]) {
        const before = await load();
        await write();
        expect(raises(before, await load())).toBe(1);
      }
    });
  });

  describe("a trigger", () => {
    let open: DataSource | undefined;
    const guardedWith = async (
      entities: readonly Function[],
      extra: object = { synchronize: true, dropSchema: true },
    ): Promise<DataSource> => {
      open = await guardDataSource(scratch().dataSource(entities, extra)).initialize();
      return open;
    };
    afterEach(() => open?.destroy());

    it("is made and taken away by a migration", async () => {
      @Entity()
      class Migrated {
        @PrimaryColumn("int") id: number;
        @Column() name: string;
        @VersionColumn() version: number;
      }
      class MigratedTrigger1700000000000 {
        async up(queryRunner: QueryRunner): Promise<void> {
          for (const sql of rowVersionTriggerSql(dataSourceOf(queryRunner), Migrated))
            await queryRunner.query(sql);
        }
        async down(queryRunner: QueryRunner): Promise<void> {
          const [drop = ""] = rowVersionTriggerSql(dataSourceOf(queryRunner), Migrated);
          await queryRunner.query(drop);
        }
      }
      const first = await guardedWith([Migrated]);
      await first.manager.insert(Migrated, { id: 1, name: "first" });
      await first.destroy();
      const dataSource = await guardedWith([Migrated], {
        migrations: [MigratedTrigger1700000000000],
        migrationsRun: true,
      });
      const version = async (): Promise<number> => {
        await dataSource.query("UPDATE migrated SET name = 'raw'");
        return (await dataSource.manager.findOneByOrFail(Migrated, { id: 1 })).version;
      };
      expect(await version()).toBe(2);
      await dataSource.undoLastMigration();
      expect(await version()).toBe(2);
    });

    it("counts a version that is null as 0", async () => {
      @Entity()
      class Legacy {
        @PrimaryColumn("int") id: number;
        @Column() name: string;
        @VersionColumn({ nullable: true }) version: number | null;
      }
      const dataSource = await guardedWith([Legacy]);
      await dataSource.query("INSERT INTO legacy (id, name, version) VALUES (1, 'first', NULL)");
      await runTriggerSql(dataSource, Legacy);
      await dataSource.query("UPDATE legacy SET name = 'second'");
      expect(await dataSource.manager.findOneByOrFail(Legacy, { id: 1 })).toMatchObject({ version: 1 });
    });

    it("starts an instant that is null with the present one", async () => {
      @Entity()
      class Stamped {
        @PrimaryColumn("int") id: number;
        @Column() name: string;
        @RowVersion({ source: "database", ...instants[database], nullable: true } as never) version: Date;
      }
      const dataSource = await guardedWith([Stamped]);
      await dataSource.query("INSERT INTO stamped (id, name, version) VALUES (1, 'first', NULL)");
      await runTriggerSql(dataSource, Stamped);
      await dataSource.query("UPDATE stamped SET name = 'second'");
      const { version } = await dataSource.manager.findOneByOrFail(Stamped, { id: 1 });
      expect(version).toBeInstanceOf(Date);
    });

    it("is one for all entities of a single-table inheritance", async () => {
      @Entity()
      @TableInheritance({ column: { type: "varchar", name: "kind" } })
      abstract class Vehicle {
        @PrimaryColumn("int") id: number;
        @Column() name: string;
        @RowVersion() version: number;
      }
      @ChildEntity()
      class Car extends Vehicle {
        @Unversioned() @Column("int", { default: 0 }) honks: number;
        @Column("int", { nullable: true }) doors: number | null;
      }
      @ChildEntity()
      class Truck extends Vehicle {
        @Column("int", { nullable: true }) axles: number | null;
      }
      const dataSource = await guardedWith([Vehicle, Car, Truck]);
      expect(rowVersionTriggerSql(dataSource, Truck)).toEqual(rowVersionTriggerSql(dataSource, Vehicle));
      expect(rowVersionTriggerSql(dataSource, Car)).toEqual(rowVersionTriggerSql(dataSource, Vehicle));
      await runTriggerSql(dataSource, Car);
      await dataSource.manager.save(Object.assign(new Car(), { id: 1, name: "car", honks: 0 }));
      await dataSource.manager.save(Object.assign(new Truck(), { id: 2, name: "truck", axles: 2 }));
      const versions = async (): Promise<number[]> =>
        (await dataSource.manager.find(Vehicle, { order: { id: "ASC" } })).map(({ version }) => version);
      await dataSource.query("UPDATE vehicle SET honks = 1 WHERE id = 1");
      expect(await versions()).toEqual([1, 1]);
      await dataSource.query("UPDATE vehicle SET honks = 2, axles = 3");
      expect(await versions()).toEqual([2, 2]);
      await dataSource.query("UPDATE vehicle SET doors = 4 WHERE id = 1");
      expect(await versions()).toEqual([3, 2]);
    });

    it("does not mind how TypeORM keeps the paths of a tree", async () => {
      @Entity()
      @Tree("materialized-path")
      class Place {
        @PrimaryGeneratedColumn() id: number;
        @Column() name: string;
        @RowVersion() version: number;
        @TreeChildren({ cascade: true }) children: Place[];
        @TreeParent() parent: Place | null;
      }
      const dataSource = await guardedWith([Place]);
      await runTriggerSql(dataSource, Place);
      const { manager } = dataSource;
      const place = (name: string, parent: Place | null): Promise<Place> => {
        const made = new Place();
        Object.assign(made, { name, parent });
        return manager.save(made);
      };
      const world = await place("world", null);
      const europe = await place("europe", world);
      const vienna = await place("vienna", europe);
      expect([world.version, europe.version, vienna.version]).toEqual([1, 1, 1]);
      const loaded = await manager.findOneOrFail(Place, {
        where: { id: europe.id },
        relations: { parent: true },
      });
      loaded.parent = null;
      await manager.save(loaded);
      expect(loaded.version).toBe(2);
      expect((await manager.findOneByOrFail(Place, { id: europe.id })).version).toBe(2);
      expect((await manager.findOneByOrFail(Place, { id: vienna.id })).version).toBe(1);

      const trees = await manager.getTreeRepository(Place).findTrees();
      const found = trees.find(({ id }) => id === europe.id) as Place;
      (found.children[0] as Place).name = "Wien";
      await manager.save(Object.assign(found, { name: "Europa" }));
      expect([found.version, (found.children[0] as Place).version]).toEqual([3, 2]);
      expect((await manager.findOneByOrFail(Place, { id: vienna.id })).version).toBe(2);
    });

    it("does not mind how TypeORM keeps the bounds of a nested set", async () => {
      @Entity()
      @Tree("nested-set")
      class Branch {
        @PrimaryGeneratedColumn() id: number;
        @Column() name: string;
        @RowVersion() version: number;
        @TreeChildren() children: Branch[];
        @TreeParent() parent: Branch | null;
      }
      const dataSource = await guardedWith([Branch]);
      await runTriggerSql(dataSource, Branch);
      const { manager } = dataSource;
      const branch = (name: string, parent: Branch | null): Promise<Branch> => {
        const made = new Branch();
        Object.assign(made, { name, parent });
        return manager.save(made);
      };
      const trunk = await branch("trunk", null);
      await branch("left", trunk);
      const right = await branch("right", trunk);
      await manager.remove(right);
      await dataSource.query("UPDATE branch SET name = 'LEFT' WHERE name = 'left'");
      const rows = await manager.find(Branch, { order: { id: "ASC" } });
      expect(rows.map(({ name, version }) => [name, version])).toEqual([
        ["trunk", 1],
        ["LEFT", 2],
      ]);
    });

    it("does not mind generated columns", async () => {
      @Entity()
      class Doubled {
        @PrimaryColumn("int") id: number;
        @Column("int") amount: number;
        @Unversioned() @Column("int", { default: 0 }) views: number;
        @Column({
          type: "int",
          asExpression: "views * 2",
          generatedType: "STORED",
          insert: false,
          update: false,
        })
        twice: number;
        @RowVersion() version: number;
      }
      const dataSource = await guardedWith([Doubled]);
      await runTriggerSql(dataSource, Doubled);
      await dataSource.manager.insert(Doubled, { id: 1, amount: 1 });
      await dataSource.query("UPDATE doubled SET views = 3");
      expect(await dataSource.manager.findOneByOrFail(Doubled, { id: 1 })).toMatchObject({
        twice: 6,
        version: 1,
      });
      await dataSource.query("UPDATE doubled SET views = 3");
      await dataSource.query("UPDATE doubled SET views = 4, amount = 2");
      expect(await dataSource.manager.findOneByOrFail(Doubled, { id: 1 })).toMatchObject({ version: 3 });
    });

    it("is not made for what no trigger can raise", async () => {
      @Entity()
      class Bare {
        @PrimaryColumn("int") id: number;
      }
      @Entity()
      class Made {
        @PrimaryColumn("int") id: number;
        @RowVersion({ type: "int", next: (previous) => Number(previous ?? 0) + 1 }) version: number;
      }
      @Entity()
      class Dated {
        @PrimaryColumn("int") id: number;
        @RowVersion({ source: "database", type: "date", default: "2024-05-06" }) version: string;
      }
      const dataSource = await guardedWith([Bare, Made, Dated]);
      for (const [target, message] of [
        [Bare, /Bare has no row version.*@RowVersion\(\)/],
        [Made, /Made\.version is made by a function.*"next"/],
        [Dated, /Dated\.version is of type "date".*integer/],
      ] as const) {
        expect(() => rowVersionTriggerSql(dataSource, target)).toThrow(message);
      }
    });

    it("needs a DataSource that is guarded, initialized and of a known database", async () => {
      @Entity()
      class Known {
        @PrimaryColumn("int") id: number;
        @RowVersion() version: number;
      }
      const reasonFor = (dataSource: DataSource): string => {
        try {
          return rowVersionTriggerSql(dataSource, Known).join();
        } catch (error) {
          return isGuardConfigurationError(error) ? error.message : `another error: ${String(error)}`;
        }
      };
      const bare = await scratch().dataSource([Known]).initialize();
      expect(rowVersionTriggerSql(bare, Known).join()).toContain("Trigger".toUpperCase());
      await bare.destroy();
      expect(reasonFor(guardDataSource(scratch().dataSource([Known])))).toMatch(/initialize\(\)/);
      const dataSource = await guardedWith([Known]);
      const { options } = dataSource;
      for (const type of ["mssql", "cockroachdb"]) {
        Object.defineProperty(dataSource, "options", { value: { ...options, type }, configurable: true });
        expect(reasonFor(dataSource)).toMatch(
          new RegExp(`Known.*"${type}".*PostgreSQL, MySQL, MariaDB and SQLite`),
        );
      }
      Object.defineProperty(dataSource, "options", { value: options, configurable: true });
    });

    if (database === "sqlite") {
      it("works on a table without rowid", async () => {
        @Entity()
        class Keyed {
          @PrimaryColumn() code: string;
          @Column() name: string;
          @RowVersion() version: number;
        }
        const dataSource = await guardedWith([Keyed], {});
        await dataSource.query(
          "CREATE TABLE keyed (code varchar PRIMARY KEY, name varchar, version integer) WITHOUT ROWID",
        );
        await runTriggerSql(dataSource, Keyed);
        await dataSource.manager.insert(Keyed, [
          { code: "a", name: "one" },
          { code: "b", name: "two" },
        ]);
        await dataSource.query("UPDATE keyed SET name = 'three' WHERE code = 'a'");
        const rows = await dataSource.manager.find(Keyed, { order: { code: "ASC" } });
        expect(rows.map(({ version }) => version)).toEqual([2, 1]);
      });
    }

    if (database === "sqlite") {
      it("is made in the attached database of its table", async () => {
        @Entity("kept", { database: "attached.sqlite" })
        class Kept {
          @PrimaryColumn("int") id: number;
          @Column() name: string;
          @Unversioned() @Column("int", { default: 0 }) views: number;
          @RowVersion() version: number;
        }
        const dataSource = await guardedWith([Kept], { synchronize: true });
        for (let time = 0; time < 2; time += 1) await runTriggerSql(dataSource, Kept);
        await dataSource.manager.insert(Kept, { id: 1, name: "first" });
        const table = dataSource.getMetadata(Kept).tablePath.replace(".", "].[");
        await dataSource.query(escaped(dataSource, `UPDATE [${table}] SET name = 'second'`));
        expect(await dataSource.manager.findOneByOrFail(Kept, { id: 1 })).toMatchObject({ version: 2 });
      });
    }

    if (database === "mariadb") {
      it("makes ON UPDATE CURRENT_TIMESTAMP a version that unversioned columns leave alone", async () => {
        @Entity()
        class Touched {
          @PrimaryColumn("int") id: number;
          @Column() name: string;
          @Unversioned() @Column("int", { default: 0 }) views: number;
          @RowVersion({
            source: "database",
            type: "timestamp",
            precision: 6,
            default: () => "CURRENT_TIMESTAMP(6)",
            onUpdate: "CURRENT_TIMESTAMP(6)",
          })
          version: Date;
        }
        const dataSource = await guardedWith([Touched]);
        await runTriggerSql(dataSource, Touched);
        await dataSource.manager.insert(Touched, { id: 1, name: "first" });
        const load = (): Promise<Touched> => dataSource.manager.findOneByOrFail(Touched, { id: 1 });
        const before = await load();
        await new Promise((resolve) => setTimeout(resolve, 5));
        await dataSource.query("UPDATE touched SET views = 1");
        expect(await load()).toMatchObject({ views: 1, version: before.version });
        await dataSource.query("UPDATE touched SET views = 2, name = 'second'");
        expect((await load()).version.getTime()).toBeGreaterThan(before.version.getTime());
      });
    }

    if (database !== "sqlite") {
      it("steps by a unit of a coarse column's precision", async () => {
        const type = database === "postgres" ? "timestamp" : "datetime";
        @Entity()
        class Coarse {
          @PrimaryColumn("int") id: number;
          @Column("int", { default: 0 }) amount: number;
          @RowVersion({
            source: "database",
            type,
            precision: 0,
            default: () => (database === "postgres" ? "LOCALTIMESTAMP(0)" : "CURRENT_TIMESTAMP"),
          })
          version: Date;
        }
        const dataSource = await guardedWith([Coarse]);
        await runTriggerSql(dataSource, Coarse);
        await dataSource.manager.insert(Coarse, { id: 1 });
        const versions: number[] = [];
        for (let write = 0; write < 3; write += 1) {
          await dataSource.query("UPDATE coarse SET amount = amount + 1");
          versions.push((await dataSource.manager.findOneByOrFail(Coarse, { id: 1 })).version.getTime());
        }
        const [first = 0, second = 0, third = 0] = versions;
        expect([second - first >= 1000, third - second >= 1000]).toEqual([true, true]);
      });

      it("is made in the schema or database of its table", async () => {
        const place = `shop_${process.pid}`;
        @Entity("price", database === "postgres" ? { schema: place } : { database: place })
        class Price {
          @PrimaryColumn("int") id: number;
          @Column("int") cents: number;
          @RowVersion() version: number;
        }
        const dataSource = await guardedWith([Price], {});
        await dataSource.query(`CREATE ${database === "postgres" ? "SCHEMA" : "DATABASE"} ${place}`);
        try {
          await dataSource.synchronize();
          for (let time = 0; time < 2; time += 1) await runTriggerSql(dataSource, Price);
          await dataSource.manager.insert(Price, { id: 1, cents: 1 });
          await dataSource.query(`UPDATE ${place}.price SET cents = 2`);
          expect(await dataSource.manager.findOneByOrFail(Price, { id: 1 })).toMatchObject({
            cents: 2,
            version: 2,
          });
        } finally {
          if (database === "mariadb") await dataSource.query(`DROP DATABASE ${place}`);
        }
      });
    }

    if (database === "postgres") {
      it("is not needed for xmin", async () => {
        @Entity()
        class Systemic {
          @PrimaryColumn("int") id: number;
          @RowVersion({ source: "xmin" }) version: string;
        }
        const dataSource = await guardedWith([Systemic]);
        expect(() => rowVersionTriggerSql(dataSource, Systemic)).toThrow(
          /Systemic\.version needs no trigger/,
        );
      });

      it("compares what has no equality, and what the entity does not know", async () => {
        @Entity()
        class Odd {
          @PrimaryColumn("int") id: number;
          @Column("json") body: object;
          @Column("point") place: string;
          @Column("xml", { nullable: true }) markup: string | null;
          @Unversioned() @Column("json", { nullable: true }) seen: object | null;
          @RowVersion() version: number;
        }
        const dataSource = await guardedWith([Odd]);
        await dataSource.query("ALTER TABLE odd ADD foreign_note text");
        await runTriggerSql(dataSource, Odd);
        await dataSource.query(`INSERT INTO odd VALUES (1, '{"a":1}', '(1,2)', NULL, NULL, 1, NULL)`);
        const raisedBy = async (set: string): Promise<number> => {
          const [before, after] = [
            await dataSource.query("SELECT version FROM odd"),
            await dataSource.query(`UPDATE odd SET ${set} RETURNING version`),
          ];
          return Number(after[0][0].version) - Number(before[0].version);
        };
        expect(await raisedBy(`seen = '{"b":1}'`)).toBe(0);
        for (const change of [
          `body = '{"a":2}'`,
          `place = '(1,3)'`,
          `markup = '<a/>'`,
          `foreign_note = 'x'`,
        ]) {
          expect([change, await raisedBy(`seen = NULL, ${change}`)]).toEqual([change, 1]);
          expect([change, await raisedBy(`seen = '{"b":1}'`)]).toEqual([change, 0]);
        }
      });
    }
  });
});

describe("the name of a trigger", () => {
  it("is made of the table and the column", () => {
    expect(triggerName("stock_level", "row_version")).toBe("tc_rowversion_stock_level__row_version");
  });

  it("is another for every table and column", () => {
    const pairs = [
      ["a_", "b"],
      ["a", "_b"],
      ["a__b", "c"],
      ["a", "b__c"],
      [`${"long".repeat(20)}1`, "version"],
      [`${"long".repeat(20)}2`, "version"],
      ["straße".repeat(10), "version"],
    ] as const;
    const names = pairs.map(([table, column]) => triggerName(table, column));
    expect(new Set(names).size).toBe(pairs.length);
    expect(names.filter((name) => Buffer.byteLength(name) > 63)).toEqual([]);
    expect(names.filter((name) => name.includes("\uFFFD"))).toEqual([]);
  });

  it("is the same each time", () => {
    expect(triggerName("a".repeat(100), "version")).toBe(triggerName("a".repeat(100), "version"));
  });
});
