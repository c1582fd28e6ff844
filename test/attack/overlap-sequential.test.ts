import {
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  Tree,
  TreeChildren,
  TreeParent,
  type DataSource,
  type EntityManager,
  type QueryRunner,
  type Relation,
} from "typeorm";
import {
  guardDataSource,
  runUnitOfWork,
  RowVersion,
  touch,
  unguardDataSource,
  updateExpecting,
  verifyUnchanged,
} from "typeorm-concurrency";
import { eachDatabase } from "../support/databases";

@Entity()
class Writer {
  @PrimaryColumn("int") id: number;
  @Column("int", { default: 0 }) fame: number;
  @RowVersion() version: number;
  @OneToMany(() => Note, (note) => note.writer, { cascade: true, lazy: true })
  notes: Promise<Relation<Note[]>>;
}

@Entity()
class Label {
  @PrimaryColumn("int") id: number;
}

@Entity()
class Note {
  @PrimaryColumn("int") id: number;
  @Column("int", { default: 0 }) length: number;
  @RowVersion() version: number;
  @ManyToOne(() => Writer, (writer) => writer.notes, { lazy: true }) writer: Promise<Relation<Writer>>;
  @ManyToMany(() => Label, { eager: true, cascade: true })
  @JoinTable()
  labels: Label[];
}

@Entity()
@Tree("materialized-path")
class Branch {
  @PrimaryColumn("int") id: number;
  @TreeParent() parent: Relation<Branch> | null;
  @TreeChildren({ cascade: true }) children: Relation<Branch[]>;
}

@Entity()
@Tree("closure-table")
class Twig {
  @PrimaryColumn("int") id: number;
  @TreeParent() parent: Relation<Twig> | null;
  @TreeChildren({ cascade: true }) children: Relation<Twig[]>;
}

const entities = [Writer, Label, Note, Branch, Twig];

eachDatabase((scratch, database) => {
  let dataSource: DataSource;

  beforeAll(async () => {
    dataSource = scratch().dataSource(entities, {
      synchronize: true,
      cache: { alwaysEnabled: false } as never,
    });
    await guardDataSource(dataSource, { overlap: "throw" }).initialize();
    const { manager } = dataSource;
    for (const id of [1, 2]) {
      const note = manager.create(Note, { id, labels: [{ id: id * 10 }, { id: id * 10 + 1 }] });
      const writer = manager.create(Writer, { id });
      await manager.save(writer);
      note.writer = Promise.resolve(writer);
      await manager.save(note);
    }
    for (const kind of [Branch, Twig]) {
      await manager.save(kind, { id: 1, children: [{ id: 2 }, { id: 3 }] } as never);
      await manager.save(kind, { id: 4, children: [{ id: 5 }] } as never);
    }
  });

  const onServers = (name: string, body: () => Promise<void>): void => {
    if (database === "sqlite") it.skip(`${name} (skipped: there is one connection)`, body);
    else it(name, body);
  };

  const ways: Record<string, (work: (manager: EntityManager) => Promise<unknown>) => Promise<unknown>> = {
    "transaction()": (work) => dataSource.transaction(work),
    "unit of work": (work) => runUnitOfWork(dataSource, work),
  };

  describe.each(Object.entries(ways))("in a %s", (_, run) => {
    it("loads by all ways, one after the other", async () => {
      await run(async (manager) => {
        const note = await manager.findOneByOrFail(Note, { id: 1 });
        const writer = await note.writer;
        expect((await writer.notes).length).toBe(1);
        await manager.find(Note, { relationLoadStrategy: "query", relations: { writer: true } });
        await manager.find(Note, { take: 1, skip: 0, relations: { writer: true } });
        await manager.find(Note, { loadRelationIds: true });
        await manager.findAndCount(Note, { cache: true, relations: { writer: true, labels: true } });
        await manager.createQueryBuilder().relation(Note, "labels").of(1).addAndRemove([20], [10]);
        await manager.createQueryBuilder().relation(Note, "labels").of(1).addAndRemove([10], [20]);
        await manager.createQueryBuilder().relation(Note, "labels").of(1).loadMany();
        await touch(manager, note);
        await updateExpecting(manager, Writer, 1, writer.version, { fame: 3 });
        await verifyUnchanged(manager, await manager.findOneByOrFail(Writer, { id: 2 }));
      });
    });

    it.each([Branch, Twig])("works on trees of %p", async (kind) => {
      await run(async (manager) => {
        const trees = manager.getTreeRepository(kind as never) as never as {
          findTrees(): Promise<{ id: number }[]>;
          findRoots(): Promise<object[]>;
          findDescendantsTree(of: object): Promise<object>;
          save(it: object): Promise<object>;
        };
        expect(await trees.findTrees()).toHaveLength(2);
        for (const root of await trees.findRoots()) await trees.findDescendantsTree(root);
      });
    });

    it.each([Branch, Twig])("works on trees of %p by a repository of the DataSource's", async (kind) => {
      const repository = dataSource.getTreeRepository(kind as never);
      const extended = repository.extend({});
      await run(async (manager) => {
        expect(await manager.withRepository(repository).findTrees()).toHaveLength(2);
        expect(await manager.withRepository(extended).findTrees()).toHaveLength(2);
      });
    });

    it("saves cascades and many", async () => {
      await run(async (manager) => {
        const notes = await manager.find(Note);
        for (const note of notes) note.length++;
        await manager.save(notes);
        const writer = manager.create(Writer, { id: 7 });
        writer.notes = Promise.resolve([
          manager.create(Note, { id: 71, labels: [] }),
          manager.create(Note, { id: 72, labels: [] }),
        ]);
        await manager.save(writer);
        await manager.remove(await manager.findBy(Note, { id: 71 }));
        await manager.delete(Note, { id: 72 });
        await manager.delete(Writer, { id: 7 });
      });
    });
  });

  it("takes parallel lazy relations of entities from outside of transactions for no overlap", async () => {
    const notes = await dataSource.manager.find(Note, { order: { id: "ASC" } });
    await dataSource.transaction(async (manager) => {
      await manager.count(Note);
    });
    await Promise.all([
      dataSource.transaction(async (manager) => {
        await manager.count(Note);
        await manager.count(Label);
        await manager.count(Writer);
      }),
      ...notes.map((note) => note.writer),
      ...notes.map((note) => note.writer),
      dataSource.manager.count(Label),
    ]);
  });

  it("takes the first use of a DataSource by several at once for no overlap", async () => {
    const fresh = await guardDataSource(scratch().dataSource(entities), { overlap: "throw" }).initialize();
    await Promise.all([
      fresh.transaction(async (manager) => {
        const notes = await manager.find(Note);
        for (const note of notes) note.length++;
        await manager.save(notes);
      }),
      fresh.manager.find(Note),
      fresh.manager.find(Writer),
    ]);
    await fresh.destroy();
  });

  it("runs migrations of all kinds", async () => {
    class Make1700000000001 {
      async up(queryRunner: QueryRunner): Promise<void> {
        await queryRunner.query("CREATE TABLE made (id int)");
        await queryRunner.manager.query("INSERT INTO made VALUES (1)");
        await queryRunner.getTable("made");
        await queryRunner.dropTable("made");
      }
      async down(): Promise<void> {}
    }
    for (const transaction of ["all", "each", "none"] as const) {
      const migrated = await guardDataSource(
        scratch().dataSource(entities, {
          migrations: [Make1700000000001],
          migrationsTableName: `done_${transaction}`,
        }),
        { overlap: "throw" },
      ).initialize();
      await migrated.runMigrations({ transaction });
      await migrated.undoLastMigration({ transaction });
      await migrated.destroy();
    }
  });

  // What libraries for tests in a transaction do: everybody is given one query runner.
  onServers("lets a library give out one query runner to all, one after the other", async () => {
    const pinned = await guardDataSource(scratch().dataSource(entities), { overlap: "throw" }).initialize();
    const queryRunner = pinned.createQueryRunner();
    await queryRunner.startTransaction();
    const { release } = queryRunner;
    queryRunner.release = () => Promise.resolve();
    const { createQueryRunner } = pinned;
    pinned.createQueryRunner = () => queryRunner;
    try {
      const notes = await pinned.manager.find(Note, { relations: { labels: true } });
      for (const note of notes) note.length++;
      await pinned.manager.save(notes);
      await pinned.transaction((manager) => manager.count(Note));
      await expect(runUnitOfWork(pinned, (manager) => manager.count(Note))).rejects.toMatchObject({
        code: "OUTER_TRANSACTION",
      });
    } finally {
      pinned.createQueryRunner = createQueryRunner;
      queryRunner.release = release;
      await queryRunner.rollbackTransaction();
      await queryRunner.release();
      await pinned.destroy();
    }
  });

  it("leaves spies on TypeORM's classes alone", async () => {
    const queryRunner = dataSource.createQueryRunner();
    let prototype = Object.getPrototypeOf(queryRunner) as object;
    while (!Object.hasOwn(prototype, "constructor")) prototype = Object.getPrototypeOf(prototype) as object;
    await queryRunner.query("SELECT 1");
    const spy = jest.spyOn(prototype as QueryRunner, "query");
    await queryRunner.query("SELECT 1");
    await queryRunner.release();
    expect(spy).toHaveBeenCalledTimes(1);
    spy.mockRestore();
  });

  onServers("lets everything through once unguarded, also where a library has wrapped query()", async () => {
    const freed = await guardDataSource(scratch().dataSource(entities), { overlap: "throw" }).initialize();
    const { query } = freed;
    freed.query = ((...parameters: Parameters<typeof query>) => query.apply(freed, parameters)) as never;
    await freed.transaction(async (manager) => {
      unguardDataSource(freed);
      await Promise.all([manager.query("SELECT 1"), manager.query("SELECT 2")]);
    });
    await freed.transaction((manager) => Promise.all([manager.query("SELECT 1"), manager.query("SELECT 2")]));
    await freed.destroy();
  });

  it("takes deferred work of a transaction on the DataSource for no overlap while that ends", async () => {
    const outcomes: Promise<unknown>[] = [];
    await dataSource.transaction(async (manager) => {
      await manager.count(Note);
      for (let delay = 0; delay < 5; delay++) {
        outcomes.push(
          new Promise((resolve) => {
            const later = (left: number): void =>
              void (left === 0
                ? resolve(
                    dataSource.manager.count(Label).then(
                      () => "done",
                      (error: unknown) => error,
                    ),
                  )
                : setImmediate(() => later(left - 1)));
            later(delay + 1);
          }),
        );
      }
    });
    expect(await Promise.all(outcomes)).toEqual(Array(5).fill("done"));
  });
});
