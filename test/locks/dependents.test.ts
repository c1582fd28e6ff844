import {
  Column,
  Entity,
  JoinTable,
  ManyToMany,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type DataSource,
  type Relation,
} from "typeorm";
import { guardDataSource, RowVersion, VersionedRelation } from "typeorm-concurrency";
import {
  createLockRegistry,
  memoryLocks,
  relationDependents,
  type Dependents,
  type LockReference,
  type LockResource,
} from "typeorm-concurrency/locks";
import { eachDatabase, QueryLog } from "../support/databases";
import { Project, projects, Task } from "./project";

@Entity("dep_order")
class Order {
  @PrimaryColumn("int") id: number;
  @RowVersion() version: number;
  @VersionedRelation()
  @OneToMany(() => Line, (line) => line.order)
  lines: Relation<Line[]>;
  @ManyToMany(() => Tag) @JoinTable({ name: "dep_order_tags" }) tags: Relation<Tag[]>;
}

@Entity("dep_line")
class Line {
  @PrimaryColumn("int") shelf: number;
  @PrimaryColumn("int") place: number;
  @Column({ nullable: true }) deletedAt: Date;
  @ManyToOne(() => Order, (order) => order.lines) order: Relation<Order>;
  @OneToMany(() => Remark, (remark) => remark.line) remarks: Relation<Remark[]>;
}

@Entity("dep_remark")
class Remark {
  @PrimaryColumn("int") id: number;
  @ManyToOne(() => Line, (line) => line.remarks, { onDelete: "CASCADE" }) line: Relation<Line>;
}

@Entity("dep_tag")
class Tag {
  @PrimaryColumn() name: string;
}

const name = ({ target, id }: LockReference): string =>
  `${(target as Function).name} ${[Object.values(typeof id === "object" ? (id as object) : { id })].flat().join("/")}`;

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  const log = new QueryLog();

  beforeAll(async () => {
    const entities = [Project, Task, Order, Line, Remark, Tag];
    dataSource = await guardDataSource(
      scratch().dataSource(entities, { synchronize: true, logging: true, logger: log }),
    ).initialize();
    const { manager } = dataSource;
    await manager.insert(Project, [{ id: 1 }, { id: 2 }, { id: 3 }]);
    await manager.insert(
      Task,
      [10, 11, 20].map((id) => ({ id, project: { id: Math.floor(id / 10) } })),
    );
    await manager.insert(Order, [{ id: 1 }, { id: 2 }]);
    await manager.insert(Tag, [{ name: "red" }]);
    await manager.insert(Line, [
      { shelf: 1, place: 1, order: { id: 1 } },
      { shelf: 1, place: 2, order: { id: 1 }, deletedAt: new Date() },
      { shelf: 2, place: 1, order: { id: 2 } },
    ]);
    await manager.insert(Remark, [{ id: 7, line: { shelf: 1, place: 2 } }]);
    await manager.createQueryBuilder().relation(Order, "tags").of(1).add("red");
  });

  const locked = async (dependents: Dependents, resources: LockResource[]): Promise<string[]> => {
    const registry = createLockRegistry({ backend: memoryLocks(), dataSource, dependents });
    return registry.run(resources, { operation: "import" }, (lease) =>
      Promise.resolve((lease.resources as LockReference[]).map(name).sort()),
    );
  };

  it("follows cascades from a project to its tasks", async () => {
    expect(await locked(relationDependents(), projects(1, 3))).toEqual([
      "Project 1",
      "Project 3",
      "Task 10",
      "Task 11",
    ]);
  });

  it("follows versioned relations to members and to roots, and what the database deletes with them", async () => {
    const all = ["Line 1/1", "Line 1/2", "Order 1", "Remark 7"];
    expect(await locked(relationDependents(), [{ target: Order, id: 1 }])).toEqual(all);
    expect(await locked(relationDependents(), [{ target: Line, id: { shelf: 1, place: 1 } }])).toEqual(all);
    expect(await locked(relationDependents(), [{ target: Remark, id: 7 }])).toEqual(["Remark 7"]);
  });

  it("follows versioned relations that are declared without decorators", async () => {
    const entities = new Map([[Project, { versionedRelations: ["tasks"] }]]);
    expect(await locked(relationDependents({ entities }), [{ target: Task, id: 10 }])).toEqual([
      "Project 1",
      "Task 10",
      "Task 11",
    ]);
  });

  it("asks for all that is new at once, and not one by one", async () => {
    const many = projects(...Array.from({ length: 400 }, (_, index) => index + 1));
    const statements = await log.during(() => locked(relationDependents(), many));
    expect(statements).toHaveLength(1);
  });

  it("asks on until nothing new appears, in cycles and with repetitions", async () => {
    const asked: string[][] = [];
    const next: Dependents = (resources, manager) => {
      expect(manager).toBe(dataSource.manager);
      asked.push(resources.map((resource) => name(resource as LockReference)));
      return resources.flatMap((resource) => {
        const id = Number((resource as LockReference).id);
        return [
          ...projects((id % 4) + 1, id),
          { target: Project, id: String(id) },
          { target: Project, id: { id } },
        ];
      });
    };
    expect(await locked(next, projects(1, 1))).toEqual(["Project 1", "Project 2", "Project 3", "Project 4"]);
    expect(asked).toEqual([["Project 1"], ["Project 2"], ["Project 3"], ["Project 4"]]);
  });

  it("knows them before the first lock, and locks nothing when it cannot", async () => {
    const backend = memoryLocks();
    const registry = createLockRegistry({
      backend,
      dataSource,
      dependents: async () => {
        expect(await registry.lockedIds(Project, [1])).toEqual(new Map());
        throw new Error("unknown");
      },
    });
    await expect(registry.acquire(projects(1), { operation: "import" })).rejects.toThrow("unknown");
    expect(await registry.holderOf({ target: Project, id: 1 })).toBeUndefined();
  });

  const many = "follows a relation to more rows than a function can have parameters";
  const onSqlite = database === "sqlite" ? it : it.skip;
  onSqlite(database === "sqlite" ? many : `${many} (skipped: no matter of the database)`, async () => {
    const count = 200_000;
    await dataSource.query(
      `WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ${count}) ` +
        `INSERT INTO lock_task (id, text, version, projectId) SELECT 1000 + i, '', 1, 3 FROM n`,
    );
    const registry = createLockRegistry({
      backend: memoryLocks(),
      dataSource,
      dependents: relationDependents(),
    });
    const lease = await registry.acquire(projects(3), { operation: "import" });
    expect(lease.resources).toHaveLength(1 + count);
    await lease.release();
    await dataSource.query("DELETE FROM lock_task WHERE id > 1000");
  });

  it("follows what depends on what is added to a lease", async () => {
    const registry = createLockRegistry({
      backend: memoryLocks(),
      dataSource,
      dependents: relationDependents(),
    });
    const lease = await registry.acquire(projects(2), { operation: "import" });
    await lease.add(projects(1));
    expect((lease.resources as LockReference[]).map(name)).toEqual([
      "Project 2",
      "Task 20",
      "Project 1",
      "Task 10",
      "Task 11",
    ]);
    await lease.release();
  });
});
