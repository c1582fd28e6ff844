import { setImmediate } from "node:timers/promises";
import type { DataSource, EntityManager } from "typeorm";
import { runParallel, type ParallelProgress } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { expectWholePool, meeting, mostAtOnce, numbers, openGuarded, watch } from "./support";

const broken = new Error("broken on purpose");

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  const most = mostAtOnce(database);
  const ask = (item: number, manager: EntityManager): Promise<number> =>
    manager.query("SELECT 1").then(() => item);

  beforeAll(async () => {
    dataSource = await openGuarded(scratch());
  });
  afterEach(() => expectWholePool(dataSource, database));

  it("come from anything that can be iterated, which says how many they are only if it knows", async () => {
    const totals: (number | undefined)[] = [];
    const onProgress = ({ total }: ParallelProgress): unknown => totals.push(total);
    const [one, two] = [
      (function* () {
        yield 1;
      })(),
      (async function* () {
        yield 1;
      })(),
    ];
    for (const items of [[1], new Set([1]), new Map([[1, 1]]).keys(), one, two]) {
      expect(await runParallel(dataSource, items, ask, { onProgress })).toEqual([1]);
    }
    expect(
      await runParallel(dataSource, new Map([[1, 2]]), ([, value]) => Promise.resolve(value), { onProgress }),
    ).toEqual([2]);
    expect(totals).toEqual([1, 1, undefined, undefined, undefined, 1]);
  });

  it.each(["sync", "async"])("are asked for when there is room, from a %s source", async (kind) => {
    const count = 50;
    let pulled = 0;
    let done = 0;
    let mostAhead = 0;
    const next = (): IteratorResult<number> =>
      pulled < count ? { done: false, value: pulled++ } : { done: true, value: undefined };
    const source =
      kind === "sync"
        ? { [Symbol.iterator]: () => ({ next }) }
        : { [Symbol.asyncIterator]: () => ({ next: async () => next() }) };
    const results = await runParallel(
      dataSource,
      source,
      async (item, manager) => {
        await manager.query("SELECT 1");
        mostAhead = Math.max(mostAhead, pulled - done);
        return item;
      },
      { onProgress: () => done++ },
    );
    expect(results).toEqual(numbers(count));
    expect(mostAhead).toBeLessThanOrEqual(most);
  });

  it("are asked for one at a time", async () => {
    let [asking, peak, pulled] = [0, 0, 0];
    const source: AsyncIterable<number> = {
      [Symbol.asyncIterator]: () => ({
        next: async () => {
          peak = Math.max(peak, ++asking);
          await setImmediate();
          asking--;
          return pulled < 10 ? { done: false, value: pulled++ } : { done: true, value: undefined };
        },
      }),
    };
    expect(await runParallel(dataSource, source, ask)).toEqual(numbers(10));
    expect(peak).toBe(1);
  });

  it("may be read from the database while others are worked on", async () => {
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(
      Account,
      numbers(10).map((id) => ({ id })),
    );
    async function* pages(): AsyncGenerator<number> {
      for (let page = 0; page < 5; page++) {
        const rows = await dataSource.manager.find(Account, {
          order: { id: "ASC" },
          skip: 2 * page,
          take: 2,
        });
        for (const { id } of rows) yield id;
      }
    }
    await runParallel(dataSource, pages(), (id, manager) => manager.update(Account, { id }, { balance: id }));
    const rows = await dataSource.manager.find(Account, { order: { id: "ASC" } });
    expect(rows.map(({ balance }) => balance)).toEqual(numbers(10));
  });

  describe.each(["stop", "collect"] as const)("when failures %s", (onError) => {
    it.each(["sync", "async"])(
      "end everything when their %s source throws, after what runs has settled",
      async (kind) => {
        const [gate, hasThrown] = [new Latch(), new Latch()];
        const meet = meeting(most);
        const finished: number[] = [];
        function* breaking(): Generator<number> {
          yield* numbers(most);
          hasThrown.open();
          throw broken;
        }
        async function* breakingLater(): AsyncGenerator<number> {
          yield* breaking();
        }
        const work = runParallel(
          dataSource,
          kind === "sync" ? breaking() : breakingLater(),
          async (item) => {
            await meet();
            if (item > 0) await gate.opened;
            finished.push(item);
          },
          { onError },
        );
        const state = watch(work);
        await hasThrown.opened;
        await setImmediate();
        if (most > 1) expect([finished, state.isSettled]).toEqual([[0], false]);
        gate.open();
        await expect(work).rejects.toBe(broken);
        expect(finished.sort()).toEqual(numbers(most));
      },
    );

    it("end it when there is no iterator to be had", async () => {
      const items = {
        [Symbol.iterator]: () => {
          throw broken;
        },
      };
      await expect(runParallel(dataSource, items, jest.fn(), { onError })).rejects.toBe(broken);
    });
  });

  describe("their iterator", () => {
    const iterator = (count: number): { closed: number; items: Iterable<number> } => {
      let pulled = 0;
      const source = {
        closed: 0,
        items: {
          [Symbol.iterator]: () => ({
            next: () => ({ done: pulled === count, value: pulled++ }),
            return: () => {
              source.closed++;
              return { done: true, value: undefined };
            },
          }),
        } as Iterable<number>,
      };
      return source;
    };

    it("is closed once when the work stops early", async () => {
      const source = iterator(100);
      await expect(runParallel(dataSource, source.items, () => Promise.reject(broken))).rejects.toBe(broken);
      expect(source.closed).toBe(1);
    });

    it("is not closed when it has come to its end, or has thrown", async () => {
      const source = iterator(5);
      await runParallel(dataSource, source.items, ask);
      expect(source.closed).toBe(0);
      const close = jest.fn();
      const throwing = {
        [Symbol.iterator]: () => ({ next: () => Promise.reject(broken) as never, return: close }),
      };
      await expect(runParallel(dataSource, throwing, jest.fn())).rejects.toBe(broken);
      expect(close).not.toHaveBeenCalled();
    });

    it("does not hide the failure of an item when it fails to close", async () => {
      const items = {
        [Symbol.iterator]: () => ({
          next: () => ({ done: false as const, value: 1 }),
          return: () => {
            throw new Error("does not close");
          },
        }),
      };
      await expect(runParallel(dataSource, items, () => Promise.reject(broken))).rejects.toBe(broken);
    });

    it.each(["while it is asked", "when it is asked"])(
      "is closed and not waited for when the signal aborts %s",
      async (moment) => {
        const controller = new AbortController();
        const [isAsked, never] = [new Latch(), new Latch()];
        const close = jest.fn(() => never.opened as never);
        const items: AsyncIterable<number> = {
          [Symbol.asyncIterator]: () => ({
            next: async () => {
              isAsked.open();
              if (moment === "when it is asked") controller.abort(broken);
              await never.opened;
              throw new Error("too late");
            },
            return: close,
          }),
        };
        const worker = jest.fn();
        const work = runParallel(dataSource, items, worker, { signal: controller.signal });
        await isAsked.opened;
        controller.abort(broken);
        await expect(work).rejects.toBe(broken);
        expect([close.mock.calls.length, worker.mock.calls.length]).toEqual([1, 0]);
        never.open();
      },
    );

    it("runs the end of a generator that is left early", async () => {
      const ended = jest.fn();
      async function* endless(): AsyncGenerator<number> {
        try {
          for (let number = 0; ; number++) yield number;
        } finally {
          await setImmediate();
          ended();
        }
      }
      const work = runParallel(
        dataSource,
        endless(),
        async (item) => {
          if (item === 5) throw broken;
        },
        { concurrency: 1 },
      );
      await expect(work).rejects.toBe(broken);
      expect(ended).toHaveBeenCalledTimes(1);
    });
  });
});
