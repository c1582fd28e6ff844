import type { DataSource, EntityManager, QueryRunner } from "typeorm";
import {
  expectVersion,
  guardDataSource,
  isRetriesExhaustedError,
  runUnitOfWork,
  type Attempt,
  type FailedAttempt,
  type UnitOfWorkOptions,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let other: DataSource;

  beforeAll(async () => {
    mine = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
    other = await guardDataSource(scratch().dataSource([Account])).initialize();
  });
  beforeEach(async () => {
    await mine.manager.clear(Account);
    await mine.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
  });

  const balance = async (id = 1): Promise<number> =>
    (await mine.manager.findOneByOrFail(Account, { id })).balance;

  /** A unit that loses its first races: between its read and its write somebody else writes the row. */
  async function deposit(
    losses: number,
    options?: UnitOfWorkOptions,
    runs: { manager: EntityManager; queryRunner: QueryRunner | undefined; attempt: Attempt }[] = [],
  ): Promise<typeof runs> {
    await runUnitOfWork(
      mine,
      async (manager, attempt) => {
        runs.push({ manager, queryRunner: manager.queryRunner, attempt });
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        account.balance += 1;
        if (attempt.number <= losses) await loseRace(account, attempt.number);
        await manager.save(account);
      },
      options,
    );
    return runs;
  }

  async function loseRace(account: Account, race: number): Promise<void> {
    // SQLite lets nobody write beside a transaction that has read. The account is as stale with a version of long ago, and
    // no two runs may be refused for the same.
    if (database === "sqlite") account.version -= race;
    else await other.manager.increment(Account, { id: 1 }, "balance", 100);
  }

  it("runs again with a new manager, a new transaction and fresh data", async () => {
    const runs = await deposit(2);
    expect(runs).toHaveLength(3);
    expect(new Set(runs.map(({ manager }) => manager)).size).toBe(3);
    if (database !== "sqlite") expect(new Set(runs.map(({ queryRunner }) => queryRunner)).size).toBe(3);
    expect((await balance()) % 100).toBe(1);
    expect(runs.map(({ attempt }) => [attempt.number, attempt.retriesLeft])).toEqual([
      [1, 5],
      [2, 4],
      [3, 3],
    ]);
    expect(runs[0]?.attempt.previousError).toBeUndefined();
    expect(runs[1]?.attempt.previousError).toMatchObject({ code: "OPTIMISTIC_LOCK" });
  });

  it("gives up after so many retries, and says how many, how long and why", async () => {
    const runs: never[] = [];
    await expect(deposit(99, { retries: 3 }, runs)).rejects.toMatchObject({
      code: "RETRIES_EXHAUSTED",
      attempts: 4,
      elapsedMs: expect.any(Number) as unknown,
      cause: expect.objectContaining({ code: "OPTIMISTIC_LOCK" }) as unknown,
    });
    expect(runs).toHaveLength(4);
    expect((await balance()) % 100).toBe(0);
  });

  it("runs once with retries: 0, and throws what that run failed with", async () => {
    const runs: never[] = [];
    await expect(deposit(99, { retries: 0 }, runs)).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
    expect(runs).toHaveLength(1);
  });

  it.each<[string, (manager: EntityManager) => Promise<unknown>]>([
    ["an error of the application", () => Promise.reject(new Error("no"))],
    ["a TypeError", () => Promise.reject(new TypeError("no"))],
    ["what is no error", () => Promise.reject("no" as unknown as Error)],
    ["a constraint that is violated", (manager) => manager.insert(Account, { id: 1 })],
    ["SQL that is wrong", (manager) => manager.query("SELEKT")],
    [
      "a lost connection that is not the database's",
      () => Promise.reject(Object.assign(new Error("socket hang up"), { code: "ECONNRESET" })),
    ],
    [
      "a version that the caller has named",
      async (manager) => {
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        expectVersion(account, 7);
        await manager.save(Object.assign(account, { balance: 5 }));
      },
    ],
  ])("does not run again after %s", async (_, work) => {
    let runs = 0;
    const error: unknown = await runUnitOfWork(mine, (manager) => {
      runs++;
      return work(manager);
    }).catch((thrown: unknown) => thrown);
    expect(runs).toBe(1);
    expect(isRetriesExhaustedError(error)).toBe(false);
  });

  it("asks shouldRetry, which can narrow and widen", async () => {
    const asked: FailedAttempt[] = [];
    let runs = 0;
    const flaky = async (): Promise<string> => {
      if (++runs < 3) throw new TypeError("not yet");
      return Promise.resolve("done");
    };
    const shouldRetry = (error: unknown, attempt: FailedAttempt): boolean => {
      asked.push(attempt);
      return error instanceof TypeError;
    };
    expect(await runUnitOfWork(mine, flaky, { shouldRetry })).toBe("done");
    expect(asked.map(({ isRetryable, number }) => [number, isRetryable])).toEqual([
      [1, false],
      [2, false],
    ]);
    await expect(deposit(1, { shouldRetry: () => false })).rejects.toMatchObject({ code: "OPTIMISTIC_LOCK" });
    await expect(deposit(1, { shouldRetry: (_, attempt) => attempt.isRetryable })).resolves.toHaveLength(2);
  });

  it("names the entity that was captured outside, at the second identical refusal", async () => {
    const captured = await mine.manager.findOneByOrFail(Account, { id: 1 });
    await mine.manager.increment(Account, { id: 1 }, "balance", 100);
    let runs = 0;
    const unit = runUnitOfWork(mine, async (manager) => {
      runs++;
      captured.balance += 1;
      await manager.save(captured);
    });
    await expect(unit).rejects.toMatchObject({
      code: "CAPTURED_ENTITY",
      entityName: "Account",
      id: { id: 1 },
      message: expect.stringContaining("Account {id: 1}") as unknown,
      cause: expect.objectContaining({ code: "OPTIMISTIC_LOCK" }) as unknown,
    });
    expect(runs).toBe(2);
  });

  it("takes a copy with a captured version for captured too, but not one that was reloaded", async () => {
    const captured = await mine.manager.findOneByOrFail(Account, { id: 1 });
    await mine.manager.increment(Account, { id: 1 }, "balance", 100);
    const copies = runUnitOfWork(mine, (manager) =>
      manager.save(Account, { id: 1, version: captured.version, balance: 5 }),
    );
    await expect(copies).rejects.toMatchObject({ code: "CAPTURED_ENTITY" });
    Account.useDataSource(mine);
    let runs = 0;
    await runUnitOfWork(mine, async (manager) => {
      if (++runs > 1) await captured.reload();
      captured.balance += 1;
      await manager.save(captured);
    });
    expect([runs, await balance()]).toEqual([2, 101]);
  });

  it("inserts once what was made outside and is inserted by several runs", async () => {
    const made = mine.manager.create(Account, { id: 9, balance: 3 });
    let runs = 0;
    await runUnitOfWork(
      mine,
      async (manager) => {
        await manager.save(made);
        if (++runs < 3) throw new Error("again");
      },
      { shouldRetry: () => true },
    );
    expect(await balance(9)).toBe(3);
    expect(made.version).toBe(1);
    await mine.manager.save(Object.assign(made, { balance: 4 }));
    expect(await balance(9)).toBe(4);
  });

  it("refuses a unit inside a transaction or a save that is not its own", async () => {
    const code = { code: "OUTER_TRANSACTION" };
    const unit = (): Promise<unknown> => runUnitOfWork(mine, () => Promise.resolve());
    await expect(mine.transaction(unit)).rejects.toMatchObject({
      ...code,
      message: expect.stringContaining("Make the outermost function a unit of work") as unknown,
    });
    await expect(mine.manager.transaction(unit)).rejects.toMatchObject(code);
    mine.subscribers.push({ afterUpdate: unit } as never);
    const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
    await expect(mine.manager.save(Object.assign(account, { balance: 5 }))).rejects.toMatchObject(code);
    // Inside a unit the same goes well.
    await runUnitOfWork(mine, async (manager) => {
      const fresh = await manager.findOneByOrFail(Account, { id: 1 });
      await manager.save(Object.assign(fresh, { balance: 5 }));
      await mine.transaction(unit);
    });
    mine.subscribers.pop();
    expect(await balance()).toBe(5);
    // After it, and in another DataSource, there is none.
    await unit();
    await other.transaction(unit);
  });

  it("lets the outermost unit retry, and only it", async () => {
    let inner = 0;
    let outer = 0;
    await runUnitOfWork(mine, async () => {
      outer++;
      await runUnitOfWork(
        mine,
        async (manager) => {
          if (++inner === 1) {
            await manager.save(Account, { id: 1, version: 99, balance: 1 });
          }
        },
        { retries: 50 },
      );
    });
    expect([outer, inner]).toEqual([2, 2]);
  });

  describe("with a signal", () => {
    const reason = new Error("the client has gone");

    it("does not begin when it is aborted", async () => {
      const work = jest.fn();
      await expect(runUnitOfWork(mine, work, { signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
      expect(work).not.toHaveBeenCalled();
    });

    it("does not run again, and stops waiting, once it is aborted", async () => {
      const controller = new AbortController();
      let runs = 0;
      const unit = runUnitOfWork(
        mine,
        async () => {
          // The third would come after an hour.
          if (++runs === 2) setImmediate(() => controller.abort(reason));
          return Promise.reject(new Error("again"));
        },
        {
          shouldRetry: () => true,
          signal: controller.signal,
          minDelayMs: 3_600_000,
        },
      );
      await expect(unit).rejects.toBe(reason);
      expect(runs).toBe(2);
    });

    it("resolves with work that was committed all the same", async () => {
      const controller = new AbortController();
      const unit = runUnitOfWork(
        mine,
        async (manager, { signal }) => {
          await manager.increment(Account, { id: 1 }, "balance", 1);
          controller.abort(reason);
          expect(signal?.aborted).toBe(true);
          return "committed";
        },
        { signal: controller.signal },
      );
      expect(await unit).toBe("committed");
      expect(await balance()).toBe(1);
    });
  });

  it("commits at the isolation level it is given", async () => {
    const level = await runUnitOfWork(
      mine,
      async (manager) => {
        if (database === "postgres") return manager.query("SHOW transaction_isolation") as Promise<object>;
        if (database === "sqlite") return manager.query("PRAGMA read_uncommitted") as Promise<object>;
        // InnoDB tells of a transaction that has touched something, and looks anew when nobody has asked for a tenth of a
        // second.
        await manager.increment(Account, { id: 1 }, "balance", 1);
        for (;;) {
          await manager.query("DO SLEEP(0.15)");
          const rows = (await manager.query(
            "SELECT trx_isolation_level FROM information_schema.innodb_trx WHERE trx_mysql_thread_id = CONNECTION_ID()",
          )) as object[];
          if (rows.length > 0) return rows;
        }
      },
      { isolation: "SERIALIZABLE" },
    );
    expect(JSON.stringify(level).toLowerCase()).toContain(database === "sqlite" ? "0" : "serializable");
  });

  it.each([
    [{ retries: -1 }, /"retries" must be an integer of at least 0, or Infinity, not -1/],
    [{ retries: 1.5 }, /"retries"/],
    [{ retries: Number.NaN }, /"retries"/],
    [{ minDelayMs: -5 }, /"minDelayMs" must be a number of milliseconds of at least 0, not -5/],
    [
      { maxDelayMs: 5, minDelayMs: 6 },
      /"maxDelayMs" must be a number of milliseconds of at least minDelayMs/,
    ],
    [{ maxDelayMs: Infinity }, /"maxDelayMs"/],
    [{ signal: {} }, /"signal" must be an AbortSignal/],
    [{ shouldRetry: true }, /"shouldRetry" must be a function/],
    [{ verifyCommitted: 1 }, /"verifyCommitted"/],
    [{ onConflict: "merge" }, /"onConflict"/],
  ])("refuses %j", async (options, message) => {
    const work = jest.fn();
    await expect(runUnitOfWork(mine, work, options as never)).rejects.toMatchObject({
      code: "GUARD_CONFIGURATION",
      message: expect.stringMatching(message) as unknown,
    });
    expect(work).not.toHaveBeenCalled();
  });

  it("needs a guarded DataSource and a function", async () => {
    await expect(runUnitOfWork(scratch().dataSource([]), jest.fn())).rejects.toMatchObject({
      code: "GUARD_CONFIGURATION",
    });
    await expect(runUnitOfWork(mine, undefined as never)).rejects.toMatchObject({
      code: "GUARD_CONFIGURATION",
    });
  });
});
