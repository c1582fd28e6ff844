import {
  Column,
  Entity,
  ManyToOne,
  OneToMany,
  PrimaryColumn,
  type DataSource,
  type EntityTarget,
  type Relation,
} from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import {
  createLockRegistry,
  createLockTables,
  databaseLocks,
  memoryLocks,
  type LockRegistry,
} from "typeorm-concurrency/locks";
import { eachDatabase } from "../support/databases";
import { Label, Project, projects, Task } from "../locks/project";

@Entity("lock_plain_order")
class PlainOrder {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) note: string;
  @OneToMany(() => PlainItem, (item) => item.order, { cascade: true }) items: Relation<PlainItem[]>;
}

@Entity("lock_plain_item")
class PlainItem {
  @PrimaryColumn("int") id: number;
  @Column({ default: "" }) name: string;
  @ManyToOne(() => PlainOrder, (order) => order.items) order: Relation<PlainOrder>;
}

const entities = [Project, Task, Label, PlainOrder, PlainItem];

eachDatabase((scratch, name) => {
  let mine: DataSource;
  let looker: DataSource;
  let locks: LockRegistry;
  let others: LockRegistry;

  beforeAll(async () => {
    mine = scratch().dataSource(entities, { synchronize: true, timeout: 1000, busyTimeout: 1000 });
    locks = createLockRegistry({ backend: databaseLocks(mine) });
    await guardDataSource(mine, { locks }).initialize();
    await createLockTables(mine);
    looker = await scratch().dataSource(entities, { timeout: 1000, busyTimeout: 1000 }).initialize();
    others = createLockRegistry({ backend: databaseLocks(looker) });
  });
  beforeEach(async () => {
    for (const table of ["lock_plain_item", "lock_plain_order", "lock_task", "lock_project"]) {
      await looker.query(`DELETE FROM ${table}`);
    }
    await looker.manager.insert(Project, [{ id: 1 }, { id: 2 }]);
    await looker.manager.insert(PlainOrder, { id: 1 });
    await looker.manager.insert(PlainItem, { id: 1, order: { id: 1 } });
  });
  afterEach(() => others.releaseOperation("import"));

  const foreignLock = (target: EntityTarget<object>, id: number): Promise<unknown> =>
    others.acquire([{ target, id }], { operation: "import" });

  it("undoes all of a save in the caller's transaction that reaches a locked row after others", async () => {
    await foreignLock(PlainItem, 1);
    await mine.transaction(async (manager) => {
      const order = await manager.findOneOrFail(PlainOrder, { where: { id: 1 }, relations: { items: true } });
      order.note = "new";
      order.items[0]!.name = "new";
      await expect(manager.save(order)).rejects.toMatchObject({ code: "ENTITY_LOCKED" });
    });
    expect(await looker.manager.findOneBy(PlainOrder, { id: 1 })).toMatchObject({ note: "" });
  });

  it("does not take a lease for lost that is kept by another backend", async () => {
    const elsewhere = createLockRegistry({ backend: memoryLocks(), dataSource: mine });
    await elsewhere.run(projects(1), { operation: "report" }, async (lease) => {
      const project = await mine.manager.findOneByOrFail(Project, { id: 1 });
      project.title = "written";
      await mine.manager.save(project);
      expect(lease.signal.aborted).toBe(false);
    });
    expect(await looker.manager.findOneBy(Project, { id: 1 })).toMatchObject({ title: "written" });
  });

  it("does not take for lost what was added in a transaction that reads as of its beginning", async () => {
    if (name === "sqlite") return;
    await locks.run(projects(1), { operation: "report" }, async (lease) => {
      await mine.transaction("REPEATABLE READ", async (manager) => {
        await manager.findOneByOrFail(Project, { id: 1 });
        await lease.add(projects(2));
        const project = await manager.findOneByOrFail(Project, { id: 2 });
        project.title = "written";
        await manager.save(project);
      });
      expect(lease.signal.aborted).toBe(false);
    });
    expect(await looker.manager.findOneBy(Project, { id: 2 })).toMatchObject({ title: "written" });
  });

  it("notices in a transaction too that a lease is gone", async () => {
    const ran = locks.run(projects(1), { operation: "report" }, async () => {
      const project = await mine.manager.findOneByOrFail(Project, { id: 1 });
      project.title = "written";
      await others.releaseOperation("report");
      await mine.transaction((manager) => manager.save(project));
    });
    await expect(ran).rejects.toMatchObject({ code: "LEASE_LOST" });
    expect(await looker.manager.findOneBy(Project, { id: 1 })).toMatchObject({ title: "" });
  });
});
