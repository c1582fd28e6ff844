import { AsyncLocalStorage } from "node:async_hooks";
import { QueryFailedError, type DataSource, type EntityManager } from "typeorm";
import { isOptimisticLockError, runParallel, runUnitOfWork, type ParallelContext } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { expectWholePool, meeting, mostAtOnce, numbers, openGuarded, withPool } from "./support";

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  const most = mostAtOnce(database);
  const itWithPool = withPool(database);

  beforeAll(async () => {
    dataSource = await openGuarded(scratch());
  });
  beforeEach(async () => {
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(Account, { id: 1 });
  });
  afterEach(() => expectWholePool(dataSource, database));

  const ids = async (): Promise<number[]> =>
    (await dataSource.manager.find(Account, { order: { id: "ASC" } })).map(({ id }) => id);
  const addOne = async (manager: EntityManager): Promise<number> => {
    const account = await manager.findOneByOrFail(Account, { id: 1 });
    account.balance += 1;
    return (await manager.save(account)).balance;
  };
  /** Counts how many workers run at the same moment, and keeps the first `count` of them until all these are there. */
  const census = (
    count: number,
  ): { enter: <R>(work: () => Promise<R>) => Promise<R>; peak: () => number } => {
    const meet = meeting(count);
    let present = 0;
    let peak = 0;
    return {
      async enter(work) {
        peak = Math.max(peak, ++present);
        try {
          await meet();
          return await work();
        } finally {
          present--;
        }
      },
      peak: () => peak,
    };
  };

  it("gives each item a manager and a transaction of its own, and the results in the order of the items", async () => {
    const managers = new Set<EntityManager>();
    const before = meeting(most);
    const results = await runParallel(dataSource, numbers(most), async (item, manager, { index }) => {
      managers.add(manager);
      await before();
      await manager.insert(Account, { id: 100 - item });
      expect(await manager.countBy(Account, { id: 100 - item })).toBe(1);
      expect(manager.queryRunner?.isTransactionActive).toBe(true);
      return [item, index];
    });
    expect(results).toEqual(numbers(most).map((number) => [number, number]));
    expect(managers.size).toBe(most);
    expect(await ids()).toEqual([1, ...numbers(most).map((number) => 100 - number)].sort((a, b) => a - b));
  });

  itWithPool("keeps the order of the results when the last item is done first", async () => {
    const lastIsDone = new Latch();
    const results = await runParallel(
      dataSource,
      numbers(most),
      async (item, manager) => {
        if (item < most - 1) await lastIsDone.opened;
        await manager.query("SELECT 1");
        return item;
      },
      { onProgress: () => lastIsDone.open() },
    );
    expect(results).toEqual(numbers(most));
  });

  it("runs as many at once as the pool has connections, and no more, whatever is asked for", async () => {
    for (const concurrency of [undefined, Infinity, 1000]) {
      const { enter, peak } = census(most);
      const options = concurrency === undefined ? {} : { concurrency };
      await runParallel(
        dataSource,
        numbers(3 * most + 1),
        (_, manager) => enter(() => manager.query("SELECT 1")),
        options,
      );
      expect(peak()).toBe(most);
    }
  });

  it("runs no more at once than it is told to", async () => {
    for (const concurrency of [1, 2]) {
      const { enter, peak } = census(Math.min(concurrency, most));
      await runParallel(dataSource, numbers(7), (_, manager) => enter(() => manager.query("SELECT 1")), {
        concurrency,
      });
      expect(peak()).toBe(Math.min(concurrency, most));
    }
  });

  it("runs an item again on fresh data when it has lost a race", async () => {
    const meet = meeting(most);
    let runs = 0;
    const balances = await runParallel(
      dataSource,
      numbers(3 * most),
      async (_, manager, { attempt }) => {
        runs++;
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        if (attempt.number === 1) await meet();
        account.balance += 1;
        return (await manager.save(account)).balance;
      },
      { retries: 100, minDelayMs: 1 },
    );
    expect(balances.sort((a, b) => a - b)).toEqual(numbers(3 * most).map((number) => number + 1));
    expect(await dataSource.manager.findOneBy(Account, { id: 1 })).toMatchObject({ balance: 3 * most });
    if (most > 1) expect(runs).toBeGreaterThan(3 * most);
  });

  itWithPool(
    "keeps to its connections while items conflict, and gives a conflict that is not run again as it is",
    async () => {
      const meet = meeting(most);
      const work = runParallel(
        dataSource,
        numbers(most),
        async (_, manager) => {
          const account = await manager.findOneByOrFail(Account, { id: 1 });
          await meet();
          account.balance += 1;
          await manager.save(account);
        },
        { retries: 0 },
      );
      const error: unknown = await work.catch((thrown: unknown) => thrown);
      // MariaDB 11 is the first to see it.
      expect(isOptimisticLockError(error) || error instanceof QueryFailedError).toBe(true);
      expect(await dataSource.manager.findOneBy(Account, { id: 1 })).toMatchObject({ balance: 1 });
    },
  );

  it("tells the worker its index, its attempt and a signal, and passes on the options of a unit", async () => {
    const seen: [number, number, number][] = [];
    await runParallel(
      dataSource,
      ["a", "b"],
      async (_, manager, context: ParallelContext) => {
        await addOne(manager);
        expect(context.attempt.signal).toBe(context.signal);
        expect(context.signal.aborted).toBe(false);
        expect(Object.isFrozen(context)).toBe(true);
        seen.push([context.index, context.attempt.number, context.attempt.retriesLeft]);
        if (context.attempt.number === 1) throw new Error("once more");
      },
      { concurrency: 1, retries: 3, shouldRetry: () => true },
    );
    expect(seen).toEqual([
      [0, 1, 3],
      [0, 2, 2],
      [1, 1, 3],
      [1, 2, 2],
    ]);
    expect(await dataSource.manager.findOneBy(Account, { id: 1 })).toMatchObject({ balance: 2 });
  });

  it("lets everything that names no other connection work in the item's unit", async () => {
    const accounts = dataSource.getRepository(Account);
    const work = runParallel(dataSource, [7, 8], async (id) => {
      await accounts.insert({ id });
      await runUnitOfWork(dataSource, (inner) => inner.insert(Account, { id: id + 10 }));
      await dataSource.transaction((nested) => nested.insert(Account, { id: id + 20 }));
      if (id === 8) throw new Error("undone");
    });
    await expect(work).rejects.toThrow("undone");
    expect((await ids()).filter((id) => [8, 18, 28].includes(id))).toEqual([]);
  });

  it("runs the worker in the async context of its caller, also after an item has had to wait", async () => {
    const requests = new AsyncLocalStorage<string>();
    const run = (request: string): Promise<(string | undefined)[]> =>
      requests.run(request, () =>
        runParallel(dataSource, numbers(2 * most + 1), async (_, manager) => {
          await manager.query("SELECT 1");
          return requests.getStore();
        }),
      );
    expect(await Promise.all([run("a"), run("b")])).toEqual(
      ["a", "b"].map((request) => numbers(2 * most + 1).map(() => request)),
    );
  });

  it("has nothing to do without items", async () => {
    expect(await runParallel(dataSource, [], () => Promise.reject(new Error("called")))).toEqual([]);
  });

  it("makes no difference of a worker that returns no promise", async () => {
    expect(await runParallel(dataSource, [1, 2], ((item: number) => item * 2) as never)).toEqual([2, 4]);
  });

  itWithPool("survives connections that die", async () => {
    const kill =
      database === "postgres" ? "SELECT pg_terminate_backend(pg_backend_pid())" : "KILL CONNECTION_ID()";
    const results = await runParallel(
      dataSource,
      numbers(2 * most),
      async (item, manager, { attempt }) => {
        await manager.insert(Account, { id: 10 + item });
        if (item % 2 === 0 && attempt.number === 1) await manager.query(kill);
        return attempt.number;
      },
      { minDelayMs: 1 },
    );
    expect(results).toEqual(numbers(2 * most).map((item) => (item % 2 === 0 ? 2 : 1)));
    expect(await ids()).toEqual([1, ...numbers(2 * most).map((item) => 10 + item)]);
  });
});
