import type { DataSource, EntityManager, QueryRunner } from "typeorm";
import { guardDataSource, runUnitOfWork, touch, verifyUnchanged } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

const here = expect.stringMatching(/overlap-reports\.test\.ts:\d+:\d+\)?$/) as string;

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let warned: DataSource;
  let off: DataSource;

  beforeAll(async () => {
    const looker = await scratch().dataSource([Account], { synchronize: true }).initialize();
    await looker.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    dataSource = await guardDataSource(scratch().dataSource([Account]), { overlap: "throw" }).initialize();
    warned = await guardDataSource(scratch().dataSource([Account])).initialize();
    off = await guardDataSource(scratch().dataSource([Account]), { overlap: "off" }).initialize();
  });

  const refusalOf = async (use: (manager: EntityManager) => Promise<unknown>): Promise<unknown> => {
    let refusal: unknown;
    await dataSource
      .transaction(async (manager) => {
        const first = manager.find(Account);
        refusal = await use(manager).catch((error: unknown) => error);
        await first;
      })
      .catch(() => undefined);
    return refusal;
  };

  const account = (): Account => Object.assign(new Account(), { id: 1, version: 1 });
  const uses: Record<string, (manager: EntityManager) => Promise<unknown>> = {
    count: (manager) => manager.count(Account),
    touch: (manager) => touch(manager, account()),
    verifyUnchanged: (manager) => verifyUnchanged(manager, account()),
    "an async helper": async (manager) => {
      await Promise.resolve();
      return manager.count(Account);
    },
    "a repository": (manager) => manager.getRepository(Account).save({ id: 5 }),
    "raw SQL": (manager) => manager.query("SELECT 1"),
    query: (manager) => (manager.queryRunner as QueryRunner).query("SELECT 1"),
    "a nested transaction": (manager) => manager.transaction(() => Promise.resolve()),
    clear: (manager) => manager.clear(Account),
    "a stream-free getRawOne": (manager) =>
      manager.createQueryBuilder(Account, "a").getRawOne() as Promise<unknown>,
  };

  it.each(Object.entries(uses))("names the line of %s", async (_, use) => {
    expect(await refusalOf(use)).toMatchObject({
      code: "OVERLAPPING_USE",
      running: { callSite: here },
      refused: { callSite: here },
    });
  });

  it.each([
    ["returns frames", (_: Error, frames: NodeJS.CallSite[]) => frames],
    [
      "throws",
      () => {
        throw new Error("no stack");
      },
    ],
    ["returns nothing", () => undefined],
  ])("reports where somebody's prepareStackTrace %s", async (_, prepare) => {
    const holder = Error as { prepareStackTrace?: unknown };
    const before = holder.prepareStackTrace;
    let code: unknown;
    try {
      await dataSource.transaction(async (manager) => {
        const first = manager.find(Account);
        holder.prepareStackTrace = prepare;
        const refusal = await manager.count(Account).catch((error: unknown) => error);
        holder.prepareStackTrace = before;
        code = (refusal as { code?: unknown }).code;
        await first;
      });
    } finally {
      holder.prepareStackTrace = before;
    }
    expect(code).toBe("OVERLAPPING_USE");
  });

  it("reports without stack traces", async () => {
    const limit = Error.stackTraceLimit;
    Error.stackTraceLimit = 0;
    try {
      expect(await refusalOf((manager) => manager.count(Account))).toMatchObject({ code: "OVERLAPPING_USE" });
    } finally {
      Error.stackTraceLimit = limit;
    }
  });

  it("warns once per call site, and changes nothing else", async () => {
    const warnings: string[] = [];
    const emit = jest
      .spyOn(process, "emitWarning")
      .mockImplementation((text) => void warnings.push(String(text)));
    try {
      for (const run of [1, 2, 3]) {
        await warned.transaction(async (manager) => {
          const results = await Promise.all([manager.find(Account), manager.count(Account)]);
          expect(results[1]).toBe(2);
          expect(run).toBeGreaterThan(0);
        });
      }
      expect(warnings).toHaveLength(1);
      await warned
        .transaction(async (manager) => {
          const done = manager.count(Account);
          await Promise.resolve();
          void done.catch(() => undefined);
        })
        .catch(() => undefined);
    } finally {
      emit.mockRestore();
    }
  });

  it("installs nothing when off", () => {
    for (const property of ["preload", "getTreeRepository"]) {
      expect(Object.hasOwn(off.manager, property)).toBe(false);
      expect(Object.hasOwn(off.createQueryRunner().manager, property)).toBe(false);
    }
    if (database !== "sqlite") expect(Object.hasOwn(off, "createQueryRunner")).toBe(false);
  });

  it.each(["save", "remove", "transaction", "preload", "query", "getTreeRepository"] as const)(
    "keeps what %s does with nonsense: it rejects or throws as without a guard",
    async (method) => {
      const call = async (of: DataSource): Promise<string> => {
        try {
          const result: unknown = (of.manager[method] as (...parameters: unknown[]) => unknown)();
          if (!(result instanceof Promise)) return "returned";
          return await result.then(
            () => "resolved",
            (error: unknown) => `rejected ${(error as Error).constructor.name}`,
          );
        } catch (error) {
          return `threw ${(error as Error).constructor.name}`;
        }
      };
      expect(await call(dataSource)).toBe(await call(off));
    },
  );

  it("sees what a transaction of typeorm's units does at once by ambient managers", async () => {
    await expect(
      runUnitOfWork(dataSource, () =>
        Promise.all([dataSource.manager.count(Account), dataSource.getRepository(Account).find()]),
      ),
    ).rejects.toMatchObject({ code: "OVERLAPPING_USE" });
    await expect(
      runUnitOfWork(dataSource, () =>
        Promise.all([dataSource.query("SELECT 1"), Account.useDataSource(dataSource) ?? Account.find()]),
      ),
    ).rejects.toMatchObject({ code: "OVERLAPPING_USE" });
  });

  it("lets flows that take turns by a mutex use one manager", async () => {
    await dataSource.transaction(async (manager) => {
      let tail: Promise<unknown> = Promise.resolve();
      const locked = <T>(work: () => Promise<T>): Promise<T> => {
        const turn = tail.then(work);
        tail = turn.catch(() => undefined);
        return turn;
      };
      await Promise.all([1, 2, 3].map(() => locked(() => manager.count(Account))));
    });
  });
});
