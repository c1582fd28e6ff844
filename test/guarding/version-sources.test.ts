import { randomUUID } from "node:crypto";
import { Column, Entity, PrimaryColumn, type DataSource, type EntityManager } from "typeorm";
import { guardDataSource, isOptimisticLockError, RowVersion, UncheckedWriteError } from "typeorm-concurrency";
import { eachDatabase, QueryLog, type DatabaseName } from "../support/databases";

@Entity()
class XminNote {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @RowVersion({ source: "xmin" }) version: string;
}

@Entity()
class UuidNote {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @RowVersion({ next: () => randomUUID(), type: "varchar", length: 36 }) version: string;
}

const startOfTime = new Date("2024-05-06T07:08:09.000Z");

@Entity()
class StampedNote {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  // A clock that stands still: what tells two writes apart is up to the guard.
  @RowVersion({ next: () => startOfTime, type: Date }) version: Date;
}

@Entity()
class DatabaseNote {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @RowVersion({ source: "database" }) version: number;
}

@Entity()
class MariadbNote {
  @PrimaryColumn("int") id: number;
  @Column() text: string;
  @RowVersion({
    source: "database",
    type: "timestamp",
    precision: 6,
    default: () => "CURRENT_TIMESTAMP(6)",
    onUpdate: "CURRENT_TIMESTAMP(6)",
  })
  version: Date;
}

interface Note {
  id: number;
  text: string;
  version: unknown;
}
type NoteClass = new () => Note;

const bumpTriggers: Readonly<Record<DatabaseName, readonly string[]>> = {
  sqlite: [
    `CREATE TRIGGER bump AFTER UPDATE ON database_note BEGIN UPDATE database_note SET version = OLD.version + 1 WHERE id = NEW.id; END`,
  ],
  postgres: [
    `CREATE FUNCTION bump() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.version := OLD.version + 1; RETURN NEW; END'`,
    `CREATE TRIGGER bump BEFORE UPDATE ON database_note FOR EACH ROW EXECUTE FUNCTION bump()`,
  ],
  mariadb: [
    `CREATE TRIGGER bump BEFORE UPDATE ON database_note FOR EACH ROW SET NEW.version = OLD.version + 1`,
  ],
};

const sources: readonly { name: string; note: NoteClass; only?: readonly DatabaseName[] }[] = [
  { name: "xmin", note: XminNote, only: ["postgres"] },
  { name: "a uuid of the application's", note: UuidNote },
  { name: "an instant of the application's", note: StampedNote },
  { name: "a column that a trigger raises", note: DatabaseNote },
  { name: "ON UPDATE CURRENT_TIMESTAMP", note: MariadbNote, only: ["mariadb"] },
];

eachDatabase((scratch, databaseName) => {
  for (const { name, note: NoteEntity, only } of sources) {
    if (only !== undefined && !only.includes(databaseName)) continue;
    describe(`a row version from ${name}`, () => {
      let dataSource: DataSource;
      const log = new QueryLog();

      beforeAll(async () => {
        dataSource = guardDataSource(
          scratch().dataSource([NoteEntity], { synchronize: true, logging: true, logger: log }),
        );
        await dataSource.initialize();
        if (NoteEntity === DatabaseNote) {
          for (const statement of bumpTriggers[databaseName]) await dataSource.query(statement);
        }
      });
      beforeEach(async () => {
        await dataSource.getRepository(NoteEntity).clear();
        await dataSource.manager.save(Object.assign(new NoteEntity(), { id: 1, text: "first" }));
      });

      const load = (): Promise<Note> => dataSource.manager.findOneByOrFail(NoteEntity, { id: 1 });

      it("is in the entity after an insert, as a fresh load has it", async () => {
        const note = Object.assign(new NoteEntity(), { id: 2, text: "new" });
        await dataSource.manager.save(note);
        expect(note.version).toBeDefined();
        expect(note.version).toEqual(
          (await dataSource.manager.findOneByOrFail(NoteEntity, { id: 2 })).version,
        );
      });

      it("refuses a stale save and leaves the row alone", async () => {
        const [first, second] = [await load(), await load()];
        await dataSource.manager.save(Object.assign(first, { text: "of the first" }));
        const refusal: unknown = await dataSource.manager
          .save(Object.assign(second, { text: "of the second" }))
          .catch((error: unknown) => error);
        expect(isOptimisticLockError(refusal)).toBe(true);
        expect((await load()).text).toBe("of the first");
      });

      it("is in the entity after an update, so that it can be saved again and again", async () => {
        const note = await load();
        const seen = [note.version];
        for (const text of ["a", "b", "c"]) {
          await dataSource.manager.save(Object.assign(note, { text }));
          expect(note.version).toEqual((await load()).version);
          expect(seen).not.toContainEqual(note.version);
          seen.push(note.version);
        }
      });

      it("refuses a stale remove", async () => {
        const stale = await load();
        await dataSource.manager.save(Object.assign(await load(), { text: "changed" }));
        await expect(dataSource.manager.remove(stale)).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
        expect(await dataSource.manager.countBy(NoteEntity, { id: 1 })).toBe(1);
      });

      it("changes with an update by criteria", async () => {
        const stale = await load();
        await dataSource.manager.update(NoteEntity, { id: 1 }, { text: "by criteria" });
        await expect(dataSource.manager.save(Object.assign(stale, { text: "stale" }))).rejects.toMatchObject({
          code: "OPTIMISTIC_LOCK",
          conflicts: [{ reason: "modified" }],
        });
        expect((await load()).text).toBe("by criteria");
      });

      it("refuses a stale save inside a transaction that has written the row before", async () => {
        await dataSource.transaction(async (manager) => {
          const written = await manager.findOneByOrFail(NoteEntity, { id: 1 });
          await manager.save(Object.assign(written, { text: "in the transaction" }));
          const [first, second] = [
            await manager.findOneByOrFail(NoteEntity, { id: 1 }),
            await manager.findOneByOrFail(NoteEntity, { id: 1 }),
          ];
          await manager.save(Object.assign(first, { text: "of the first" }));
          await expect(manager.save(Object.assign(second, { text: "of the second" }))).rejects.toMatchObject({
            code: "OPTIMISTIC_LOCK",
          });
          await manager.update(NoteEntity, { id: 1 }, { text: "by criteria" });
          await expect(manager.save(Object.assign(first, { text: "again" }))).rejects.toMatchObject({
            code: "OPTIMISTIC_LOCK",
          });
        });
        expect((await load()).text).toBe("by criteria");
      });

      it("refuses a stale save after an upsert, in a transaction that has upserted the row before too", async () => {
        const upsert = (manager: EntityManager, text: string): Promise<unknown> =>
          manager.upsert(NoteEntity, { id: 1, text }, ["id"]);
        const outside = await load();
        await dataSource.manager.save(Object.assign(await load(), { text: "of another" }));
        await upsert(dataSource.manager, "upserted");
        await expect(
          dataSource.manager.save(Object.assign(outside, { text: "stale" })),
        ).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
        await dataSource.transaction(async (manager) => {
          await upsert(manager, "first");
          const stale = await manager.findOneByOrFail(NoteEntity, { id: 1 });
          await upsert(manager, "second");
          await expect(manager.save(Object.assign(stale, { text: "stale" }))).rejects.toMatchObject({
            code: "OPTIMISTIC_LOCK",
          });
        });
        expect((await load()).text).toBe("second");
      });

      it("is the old one again after a rollback", async () => {
        const note = await load();
        const before = note.version;
        await dataSource
          .transaction(async (manager) => {
            await manager.save(Object.assign(note, { text: "undone" }));
            throw new Error("undo");
          })
          .catch(() => undefined);
        expect(note.version).toEqual(before);
        await dataSource.manager.save(Object.assign(note, { text: "done" }));
        expect((await load()).text).toBe("done");
      });

      it("lets one of two racing saves through", async () => {
        const [first, second] = [await load(), await load()];
        const outcomes = await Promise.allSettled([
          dataSource.manager.save(Object.assign(first, { text: "a" })),
          dataSource.manager.save(Object.assign(second, { text: "b" })),
        ]);
        expect(outcomes.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
      });

      it("can be selected in part", async () => {
        const note = await dataSource.manager.findOneOrFail(NoteEntity, {
          select: { id: true, text: true, version: true },
          where: { id: 1 },
        });
        await dataSource.manager.save(Object.assign(note, { text: "partly loaded" }));
        expect((await load()).text).toBe("partly loaded");
      });

      it("is no matter of the schema builder's once the table stands", async () => {
        const { upQueries } = await dataSource.driver.createSchemaBuilder().log();
        expect(upQueries.map(({ query }) => query)).toEqual([]);
      });

      it("is never in SET with the value that the entity holds", async () => {
        const statements = await log.during(async () =>
          dataSource.manager.save(Object.assign(await load(), { text: "sent" })),
        );
        const update = statements.find((sql) => sql.startsWith("UPDATE")) ?? "";
        expect(update).toMatch(/WHERE .*(version|xmin)/);
        const set = update.slice(0, update.indexOf("WHERE"));
        const isMade = NoteEntity === UuidNote || NoteEntity === StampedNote;
        expect(set.includes("version")).toBe(isMade);
      });
    });
  }

  describe("a next() that makes no new version", () => {
    @Entity()
    class StuckNote {
      @PrimaryColumn("int") id: number;
      @Column() text: string;
      @RowVersion({ next: () => "always", type: "varchar" }) version: string;
    }
    @Entity()
    class EmptyNote {
      @PrimaryColumn("int") id: number;
      @Column() text: string;
      @RowVersion({ next: (previous) => (previous === undefined ? "first" : undefined), type: "varchar" })
      version: string;
    }

    it.each([
      ["the one the row has", StuckNote],
      ["undefined", EmptyNote],
    ])("is an error and writes nothing: %s", async (_name, Note) => {
      const dataSource = guardDataSource(scratch().dataSource([StuckNote, EmptyNote], { synchronize: true }));
      await dataSource.initialize();
      const note = await dataSource.manager.save(Object.assign(new Note() as Note, { id: 1, text: "first" }));
      await expect(dataSource.manager.save(Object.assign(note, { text: "second" }))).rejects.toBeInstanceOf(
        UncheckedWriteError,
      );
      expect((await dataSource.manager.findOneByOrFail(Note, { id: 1 })).text).toBe("first");
    });
  });
});

eachDatabase(
  (scratch) => {
    it("refuses xmin where there is none, before any write", async () => {
      const dataSource = guardDataSource(scratch().dataSource([XminNote], { synchronize: true }));
      await expect(dataSource.initialize()).rejects.toMatchObject({ code: "GUARD_CONFIGURATION" });
      await expect(dataSource.initialize()).rejects.toThrow(/XminNote\.version.*xmin.*PostgreSQL/);
    });
  },
  ["sqlite", "mariadb"],
);
