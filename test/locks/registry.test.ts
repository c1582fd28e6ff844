import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { execFileSync } from "node:child_process";
import { join } from "node:path";
import { Column, Entity, EntitySchema, PrimaryColumn, TableInheritance, ChildEntity } from "typeorm";
import { guardDataSource, unguardDataSource, type LockEvent } from "typeorm-concurrency";
import {
  createLockRegistry,
  memoryLocks,
  redisLocks,
  autoLocks,
  databaseLocks,
  type LockBackend,
  type LockRegistryOptions,
} from "typeorm-concurrency/locks";
import { eachDatabase } from "../support/databases";
import { whenAborted } from "../support/when-aborted";
import { Label, Project, projects, Task } from "./project";

@Entity("reg_uuid")
class Uuid {
  @PrimaryColumn("uuid") id: string;
}

@Entity("reg_vehicle")
@TableInheritance({ column: { name: "kind", type: "varchar" } })
class Vehicle {
  @PrimaryColumn("int") id: number;
}
@ChildEntity()
class Car extends Vehicle {
  @Column({ nullable: true }) doors: number;
}

@Entity()
class PlaceOnShelf {
  @PrimaryColumn("int") shelf: number;
  @PrimaryColumn({ type: "bigint", transformer: { to: (value: bigint) => String(value), from: BigInt } })
  place: bigint;
}

const CitySchema = new EntitySchema<{ id: number }>({
  name: "City",
  tableName: "reg_city",
  columns: { id: { type: "int", primary: true } },
});

const registry = (options: Partial<LockRegistryOptions> = {}) =>
  createLockRegistry({ backend: memoryLocks(), ttlMs: 60_000, ...options });

describe("a lock registry", () => {
  it.each<[string, Partial<LockRegistryOptions>]>([
    [`"backend" must be a lock backend`, { backend: {} as LockBackend }],
    [`"backend" must be a lock backend`, { backend: undefined as never }],
    [`"ttlMs" must be an integer of at least 10 milliseconds, not 0`, { ttlMs: 0 }],
    [`"ttlMs" must be an integer of at least 10 milliseconds, not 1.5`, { ttlMs: 1.5 }],
    [`"ttlMs" must be an integer of at least 10 milliseconds, not 30`, { ttlMs: "30" as never }],
    [`"renewEveryMs" must be more than 0`, { ttlMs: 100, renewEveryMs: 0 }],
    [`"renewEveryMs" must be more than 0`, { renewEveryMs: NaN }],
    [`"dependents" must be a function`, { dependents: [] as never }],
  ])("says %s", (message, options) => {
    expect(() => registry(options)).toThrow(message);
  });

  it.each<[string, unknown, object]>([
    [`"operation" must be a string of 1 to 190 characters`, projects(1), {}],
    [`"operation" must be a string of 1 to 190 characters`, projects(1), undefined as never],
    [`"operation" must be a string of 1 to 190 characters`, projects(1), { operation: "" }],
    [`"operation" must be a string of 1 to 190 characters`, projects(1), { operation: "x".repeat(191) }],
    [
      `"waitMs" must be a number of milliseconds of at least 0`,
      projects(1),
      { operation: "import", waitMs: -1 },
    ],
    [`"waitMs" must be a number of milliseconds`, projects(1), { operation: "import", waitMs: NaN }],
    [`"reason" must be a string`, projects(1), { operation: "import", reason: 1 }],
    [`"reason" must be a string`, projects(1), { operation: "import", reason: "x".repeat(10_001) }],
    [`"operation" must be a string`, projects(1), { operation: "a\u0000" }],
    [`must be an array of entities or { target, id }`, { target: Project, id: 1 }, { operation: "import" }],
    [`must be an array of entities or { target, id }`, undefined, { operation: "import" }],
    [`must be an entity or { target, id }, not 7`, [7], { operation: "import" }],
    [`Project cannot be locked without a complete key: id`, [new Project()], { operation: "import" }],
    [
      `Project cannot be locked without a complete key: id`,
      projects(undefined as never),
      { operation: "import" },
    ],
    [
      `PlaceOnShelf cannot be locked without a complete key: shelf and place`,
      [{ target: PlaceOnShelf, id: 1 }],
      { operation: "import" },
    ],
    [`Object does not say what its key is`, [{}], { operation: "import" }],
  ])("says %s when it is asked for a lock", async (message, resources, options) => {
    await expect(registry().acquire(resources as never, options as never)).rejects.toMatchObject({
      code: "GUARD_CONFIGURATION",
      message: expect.stringContaining(message),
    });
  });

  it("says which client, database or option it cannot use", () => {
    expect(() => redisLocks({} as never)).toThrow(`need a client of "redis" 4 to 6 or "ioredis" 5`);
    expect(() => redisLocks({ call: () => Promise.resolve() }, { prefix: "{x}" })).toThrow(
      `"prefix" must be`,
    );
    expect(() => redisLocks({ call: () => Promise.resolve() }, { timeoutMs: 0 })).toThrow(
      `"timeoutMs" must be`,
    );
    expect(() => databaseLocks(undefined as never)).toThrow("needs a DataSource");
    expect(() => databaseLocks({ options: { type: "mssql" }, createQueryRunner() {} } as never)).toThrow(
      "not in mssql",
    );
    expect(() => autoLocks({} as never)).toThrow("needs a DataSource");
    for (const locks of [{}, null, { refuseLockedRows: () => undefined }]) {
      expect(() => guardDataSource({ options: {} } as never, { locks: locks as never })).toThrow(
        `"locks" must be a lock registry`,
      );
    }
  });

  it("takes a lease for lost in time when the backend does not answer at all", async () => {
    const backend = { ...memoryLocks(), renew: () => new Promise<never>(() => undefined) };
    const startedAt = performance.now();
    const lease = await registry({ backend, ttlMs: 200 }).acquire(projects(1), { operation: "import" });
    await whenAborted(lease.signal);
    expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
    expect(lease.signal.reason).toMatchObject({
      code: "LEASE_LOST",
      message: expect.stringContaining("have run out"),
    });
  });

  it("tells who listens what happens", async () => {
    const events: LockEvent[] = [];
    const listen = (event: unknown): void => void events.push(event as LockEvent);
    subscribe("typeorm-concurrency:lock", listen);
    try {
      const locks = registry();
      const lease = await locks.acquire(projects(1, 2), { operation: "import" });
      await locks.acquire(projects(2), { operation: "report" }).catch(() => undefined);
      await lease.add(projects(3));
      await locks.releaseOperation("import");
      await lease.release();
      await locks.purgeExpired();
    } finally {
      unsubscribe("typeorm-concurrency:lock", listen);
    }
    expect(
      events.map(({ event, operation, entities, backend }) => [event, operation, entities, backend]),
    ).toEqual([
      ["acquired", "import", 2, "memory"],
      ["refused", "report", 1, "memory"],
      ["added", "import", 1, "memory"],
      ["lost", "import", 3, "memory"],
      ["operation-released", "import", 1, "memory"],
      ["released", "import", 3, "memory"],
      ["purged", undefined, 0, "memory"],
    ]);
    expect(events.every((event) => Object.isFrozen(event))).toBe(true);
    expect(events[1]!.error).toMatchObject({ code: "ENTITY_LOCKED" });
  });

  it("keeps no process alive that has forgotten a lease", () => {
    const source = join(__dirname, "../../src/locks");
    const program = `const { createLockRegistry, memoryLocks } = require(${JSON.stringify(source)});
      createLockRegistry({ backend: memoryLocks() }).acquire([{ target: "x", id: 1 }], { operation: "import" })
        .then((lease) => console.log(lease.resources.length));`;
    const output = execFileSync(process.execPath, ["-r", "ts-node/register/transpile-only", "-e", program], {
      encoding: "utf8",
      timeout: 20_000,
      cwd: join(__dirname, "../.."),
    });
    expect(output).toBe("1\n");
  });
});

eachDatabase(
  (scratch) => {
    const entities = [Project, Task, Label, Uuid, Vehicle, Car, PlaceOnShelf, CitySchema];

    it("knows entities without a DataSource as it does with one", async () => {
      const dataSource = await scratch().dataSource(entities).initialize();
      const backend = memoryLocks();
      const without = registry({ backend });
      const withOne = registry({ backend, dataSource });
      const resources = [
        { target: Project, id: 1 },
        Object.assign(new Project(), { id: 2 }),
        Object.assign(new Car(), { id: 7 }),
        { target: Car, id: { id: 8 } },
        { target: CitySchema, id: 3 },
        { target: Label, id: "a" },
        { target: Uuid, id: "abcdef00-0000-0000-0000-000000000000" },
        { target: PlaceOnShelf, id: { shelf: 1, place: "2" } },
      ];
      for (const resource of resources) {
        const lease = await without.acquire([resource], { operation: "import" });
        await expect(withOne.acquire([resource], { operation: "report" })).rejects.toMatchObject({
          code: "ENTITY_LOCKED",
        });
        await lease.release();
      }
    });

    it("knows a row by whatever names it", async () => {
      const dataSource = await scratch().dataSource(entities).initialize();
      const locks = registry({ dataSource });
      const same: (readonly [object, object])[] = [
        [
          { target: Project, id: 1 },
          { target: "Project", id: "1" },
        ],
        [{ target: Vehicle, id: 7 }, Object.assign(new Car(), { id: 7 })],
        [
          { target: Uuid, id: "ABCDEF00-0000-0000-0000-000000000000" },
          { target: Uuid, id: "abcdef00-0000-0000-0000-000000000000" },
        ],
        [
          { target: PlaceOnShelf, id: { shelf: 1, place: 2n } },
          Object.assign(new PlaceOnShelf(), { shelf: "1", place: 2n }),
        ],
        [
          { target: CitySchema, id: 3 },
          { target: "City", id: { id: 3 } },
        ],
      ];
      for (const [one, other] of same) {
        const lease = await locks.acquire([one], { operation: "import" });
        await expect(locks.acquire([other], { operation: "report" })).rejects.toMatchObject({
          code: "ENTITY_LOCKED",
        });
        await lease.release();
      }
    });

    it("says when its DataSource does not know an entity, or is not initialized", async () => {
      const dataSource = scratch().dataSource([Project, Task]);
      const locks = registry();
      guardDataSource(dataSource, { locks });
      await expect(locks.acquire(projects(1), { operation: "import" })).rejects.toThrow(
        "Project cannot be locked before the lock registry's DataSource is initialized",
      );
      await dataSource.initialize();
      await expect(locks.acquire([new Label()], { operation: "import" })).rejects.toThrow(
        "Label is no entity of the lock registry's DataSource",
      );
      unguardDataSource(dataSource);
      await (await locks.acquire([{ target: Label, id: 1 }], { operation: "import" })).release();
    });
  },
  ["postgres"],
);
