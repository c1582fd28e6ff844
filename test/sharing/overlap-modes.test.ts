import { Column, Entity, OneToMany, ManyToOne, PrimaryColumn, Tree, TreeChildren, TreeParent } from "typeorm";
import type { DataSource, EntityManager } from "typeorm";
import {
  guardDataSource,
  runUnitOfWork,
  unguardDataSource,
  type GuardOptions,
  RowVersion,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase, QueryLog } from "../support/databases";

@Entity()
@Tree("materialized-path")
class Folder {
  @PrimaryColumn("int") id: number;
  @Column("varchar", { length: 20 }) name: string;
  @TreeParent() parent: Folder | null;
  @TreeChildren() children: Folder[];
}

@Entity()
class Shelf {
  @PrimaryColumn("int") id: number;
  @OneToMany(() => Book, (book) => book.shelf, { cascade: true }) books: Book[];
  @OneToMany(() => Label, (label) => label.shelf, { cascade: true, eager: true }) labels: Label[];
  @RowVersion() version: number;
}

@Entity()
class Book {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => Shelf, (shelf) => shelf.books) shelf: Shelf;
}

@Entity()
class Label {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => Shelf, (shelf) => shelf.labels) shelf: Shelf;
}

const entities = [Account, Folder, Shelf, Book, Label];

let emitWarning: jest.SpiedFunction<typeof process.emitWarning>;
beforeAll(() => {
  emitWarning = jest.spyOn(process, "emitWarning");
});
beforeEach(() => emitWarning.mockReset());
afterAll(() => emitWarning.mockRestore());

function warnings(): unknown[] {
  return emitWarning.mock.calls
    .filter(([, options]) => (options as { type?: string } | undefined)?.type === "OverlappingUseWarning")
    .map(([message]) => message);
}

eachDatabase((scratch) => {
  beforeAll(async () => {
    await (await scratch().dataSource(entities, { synchronize: true }).initialize()).destroy();
  });

  const open = async (overlap: GuardOptions["overlap"], extra: object = {}): Promise<DataSource> =>
    guardDataSource(
      scratch().dataSource(entities, extra),
      overlap === undefined ? {} : { overlap },
    ).initialize();

  const twoCounts = (manager: EntityManager): Promise<number[]> =>
    Promise.all([manager.count(Account), manager.count(Account)]);

  it.each([undefined, "warn"] as const)("warns once per call site when the option is %s", async (overlap) => {
    const dataSource = await open(overlap);
    for (let time = 0; time < 3; time++) {
      expect(await dataSource.transaction(twoCounts)).toEqual([0, 0]);
      expect(await runUnitOfWork(dataSource, twoCounts)).toEqual([0, 0]);
    }
    expect(warnings()).toEqual([
      expect.stringMatching(/a count \(at .*overlap-modes\.test\.ts.*\) was begun although a count \(at/),
    ]);
    await dataSource.destroy();
  });

  it("lets everything through when it is only to warn", async () => {
    const dataSource = await open("warn");
    await dataSource.transaction((manager) =>
      Promise.all([1, 2].map((id) => manager.insert(Account, { id }))),
    );
    expect(await dataSource.manager.count(Account)).toBe(2);
    await dataSource.manager.clear(Account);
    await dataSource.destroy();
  });

  it("puts nothing in when it is off", async () => {
    const dataSource = await open("off");
    expect(await dataSource.transaction(twoCounts)).toEqual([0, 0]);
    expect(warnings()).toEqual([]);
    const bare = await scratch().dataSource(entities).initialize();
    const methodsOf = (each: DataSource): unknown[] => {
      const queryRunner = each.createQueryRunner();
      return [queryRunner.stream, queryRunner.clearTable, queryRunner.manager.preload];
    };
    expect(methodsOf(dataSource)).toEqual(methodsOf(bare));
    await bare.destroy();
    await dataSource.destroy();
  });

  it.each(["throw", "warn"] as const)(
    "sends the same statements as without it, when it is to %s",
    async (mode) => {
      const sent: string[][] = [];
      for (const overlap of ["off", mode] as const) {
        const log = new QueryLog();
        const dataSource = await open(overlap, { logging: true, logger: log });
        const account = dataSource.manager.create(Account, { id: 1 });
        sent.push(
          await log.during(async () => {
            await dataSource.manager.save(account);
            await dataSource.transaction(async (manager) => {
              account.balance++;
              await manager.save(account);
              await manager.transaction((nested) => nested.find(Account));
            });
            await dataSource.manager.remove(account);
          }),
        );
        await dataSource.destroy();
      }
      const withoutNumbers = sent.map((each) => each.map((sql) => sql.replace(/concurrency_\d+/, "n")));
      expect(withoutNumbers[1]).toEqual(withoutNumbers[0]);
    },
  );

  it("takes what TypeORM queries at once for one call of it for no overlap", async () => {
    const dataSource = await open("throw");
    const build = async (manager: EntityManager): Promise<void> => {
      const trees = manager.getTreeRepository(Folder);
      for (const id of [1, 2, 3]) {
        const root = await trees.save({ id, name: `root ${id}` });
        await trees.save({ id: id + 10, name: "leaf", parent: root });
      }
      expect((await trees.findTrees()).map(({ children }) => children.length)).toEqual([1, 1, 1]);
      const shelf = { id: 1, books: [{ id: 1 }, { id: 2 }], labels: [{ id: 1 }, { id: 2 }] };
      await manager.save(Shelf, shelf);
      const loaded = await manager.find(Shelf, {
        relations: { books: true },
        relationLoadStrategy: "query",
        take: 1,
      });
      expect(loaded).toMatchObject([{ books: [{ id: 1 }, { id: 2 }], labels: [{ id: 1 }, { id: 2 }] }]);
      const withIds = await manager.find(Shelf, { loadRelationIds: true });
      expect(withIds[0]?.books).toHaveLength(2);
      await manager.preload(Shelf, { id: 1, books: [{ id: 1 }], labels: [{ id: 2 }] });
      await manager.remove(Shelf, loaded).catch(() => undefined);
      throw new Error("rolled back");
    };
    await expect(dataSource.transaction(build)).rejects.toThrow("rolled back");
    await expect(runUnitOfWork(dataSource, build)).rejects.toThrow("rolled back");
    await dataSource.synchronize();
    await dataSource.destroy();
  });

  it("is gone when the DataSource is unguarded", async () => {
    const dataSource = await open("throw");
    await expect(dataSource.transaction(twoCounts)).rejects.toMatchObject({ code: "OVERLAPPING_USE" });
    unguardDataSource(dataSource);
    expect(await dataSource.transaction(twoCounts)).toEqual([0, 0]);
    await dataSource.destroy();
  });

  it("refuses a choice that is none", () => {
    expect(() => guardDataSource(scratch().dataSource(entities), { overlap: "maybe" as never })).toThrow(
      '"overlap" must be one of throw, warn, off, not maybe.',
    );
  });
});
