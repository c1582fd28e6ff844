import { subscribe, unsubscribe } from "node:diagnostics_channel";
import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import type { DataSource, EntityManager } from "typeorm";
import {
  isParallelError,
  ParallelError,
  runParallel,
  type ParallelProgress,
  type RunParallelOptions,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { whenAborted } from "../support/when-aborted";
import { expectWholePool, meeting, mostAtOnce, numbers, openGuarded, watch, withPool } from "./support";

const broken = new Error("broken on purpose");
const longestDelayMs = 2 ** 31 - 1;

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  const most = mostAtOnce(database);
  const itWithPool = withPool(database);

  beforeAll(async () => {
    dataSource = await openGuarded(scratch());
  });
  beforeEach(() => dataSource.manager.clear(Account));
  afterEach(() => expectWholePool(dataSource, database));

  const ids = async (): Promise<number[]> =>
    (await dataSource.manager.find(Account, { order: { id: "ASC" } })).map(({ id }) => id);

  /** Resolves when a unit has failed and waits for its next run. */
  const retryIsWaitedFor = (): { readonly waiting: Latch; readonly stop: () => void } => {
    const waiting = new Latch();
    const onRetry = (message: unknown): void => {
      if ((message as { delayMs: number }).delayMs > 0) waiting.open();
    };
    subscribe("typeorm-concurrency:retry", onRetry);
    return { waiting, stop: () => unsubscribe("typeorm-concurrency:retry", onRetry) };
  };
  const endlessRetries: RunParallelOptions = {
    ...{ retries: Infinity, minDelayMs: longestDelayMs, maxDelayMs: longestDelayMs },
    shouldRetry: (error) => error !== broken,
  };

  describe("after the first failure", () => {
    it("begins nothing new, leaves committed what is, and rejects with that failure itself", async () => {
      const begun: number[] = [];
      const work = runParallel(
        dataSource,
        numbers(10),
        async (item, manager) => {
          begun.push(item);
          await manager.insert(Account, { id: item });
          if (item === 2) throw broken;
        },
        { concurrency: 1 },
      );
      await expect(work).rejects.toBe(broken);
      expect(begun).toEqual([0, 1, 2]);
      expect(await ids()).toEqual([0, 1]);
    });

    it("takes a worker that throws before it returns a promise for a failure of its item", async () => {
      const work = runParallel(dataSource, [1], () => {
        throw broken;
      });
      await expect(work).rejects.toBe(broken);
    });

    itWithPool(
      "awaits the items that run, whose signal has aborted, and keeps what they commit",
      async () => {
        const hasStopped = new Latch();
        const gate = new Latch();
        const meet = meeting(most);
        let reason: unknown;
        const work = runParallel(dataSource, numbers(2 * most), async (item, manager, { signal }) => {
          await manager.insert(Account, { id: item });
          await meet();
          if (item === 1) throw broken;
          await whenAborted(signal);
          reason = signal.reason;
          hasStopped.open();
          await gate.opened;
        });
        const state = watch(work);
        await hasStopped.opened;
        await dataSource.query("SELECT 1");
        await setImmediate();
        expect([reason, state.isSettled]).toEqual([broken, false]);
        gate.open();
        await expect(work).rejects.toBe(broken);
        expect(await ids()).toEqual(numbers(most).filter((item) => item !== 1));
      },
    );

    itWithPool("ends the wait for a retry of another item", async () => {
      const { stop, waiting } = retryIsWaitedFor();
      const work = runParallel(
        dataSource,
        ["retried", "broken"],
        async (item) => {
          if (item === "retried") throw new Error("once more");
          await waiting.opened;
          throw broken;
        },
        endlessRetries,
      );
      await expect(work).rejects.toBe(broken);
      stop();
    });

    it("is the first failure even if it is undefined, or others follow", async () => {
      const [outcome] = await Promise.allSettled([
        runParallel(dataSource, numbers(most), async (item, _, { signal }) => {
          if (item === 0) throw undefined;
          await whenAborted(signal);
          throw broken;
        }),
      ]);
      expect(outcome).toEqual({ status: "rejected", reason: undefined });
    });
  });

  describe("with failures collected", () => {
    it("works on all items, and rejects with what has become of each", async () => {
      const second = new TypeError("a second one");
      const work = runParallel(
        dataSource,
        numbers(7),
        async (item, manager) => {
          await manager.insert(Account, { id: item });
          if (item === 2) throw broken;
          if (item === 5) throw second;
          return item * 10;
        },
        { onError: "collect" },
      );
      const error: unknown = await work.catch((thrown: unknown) => thrown);
      if (!isParallelError(error)) throw error;
      expect(error).toBeInstanceOf(AggregateError);
      expect(error).toMatchObject({ name: "ParallelError", code: "PARALLEL" });
      expect(error.errors).toEqual([broken, second]);
      expect(error.outcomes).toEqual(
        numbers(7).map((item) =>
          item === 2 || item === 5
            ? { status: "rejected", reason: item === 2 ? broken : second }
            : { status: "fulfilled", value: item * 10 },
        ),
      );
      expect(error.message).toBe(
        "2 of 7 items failed; the others are committed. The first of them, at index 2, failed with: broken on purpose. " +
          '"outcomes" has what has become of each item, in their order: work once more on those that failed, and on no others.',
      );
      expect(await ids()).toEqual([0, 1, 3, 4, 6]);
    });

    it("resolves when none has failed", async () => {
      expect(await runParallel(dataSource, [1, 2], async (item) => item, { onError: "collect" })).toEqual([
        1, 2,
      ]);
    });

    it("promises nothing of others when all have failed", () => {
      const { message } = new ParallelError([{ status: "rejected", reason: "no error." }]);
      expect(message).toMatch(
        /^1 of 1 items failed\. The first of them, at index 0, failed with: no error\. "outcomes"/,
      );
    });
  });

  describe.each(["stop", "collect"] as const)("when its signal aborts, and failures %s", (onError) => {
    it("begins nothing new, awaits what runs, and rejects with the signal's reason", async () => {
      const controller = new AbortController();
      const [gate, allRun] = [new Latch(), new Latch()];
      const reasons: unknown[] = [];
      let begun = 0;
      const work = runParallel(
        dataSource,
        numbers(10),
        async (item, manager, { signal }) => {
          signal.addEventListener("abort", () => reasons.push(signal.reason));
          await manager.insert(Account, { id: item });
          if (++begun === most) allRun.open();
          await gate.opened;
        },
        { onError, signal: controller.signal },
      );
      const state = watch(work);
      await allRun.opened;
      expect(getEventListeners(controller.signal, "abort")).toHaveLength(1);
      controller.abort(broken);
      await setImmediate();
      expect(state.isSettled).toBe(false);
      gate.open();
      await expect(work).rejects.toBe(broken);
      expect(reasons).toEqual(numbers(most).map(() => broken));
      expect(await ids()).toEqual(numbers(most));
      expect(getEventListeners(controller.signal, "abort")).toEqual([]);
    });

    it("does not wait for the next run of an item", async () => {
      const controller = new AbortController();
      const { stop, waiting } = retryIsWaitedFor();
      const work = runParallel(dataSource, [1], () => Promise.reject(new Error("once more")), {
        ...endlessRetries,
        onError,
        signal: controller.signal,
      });
      await waiting.opened;
      controller.abort(broken);
      await expect(work).rejects.toBe(broken);
      stop();
    });

    it("begins nothing at all when it has aborted before", async () => {
      const items = { [Symbol.iterator]: jest.fn() };
      const worker = jest.fn();
      const work = runParallel(dataSource, items, worker, { onError, signal: AbortSignal.abort(broken) });
      await expect(work).rejects.toBe(broken);
      expect([items[Symbol.iterator], worker].map((mock) => mock.mock.calls.length)).toEqual([0, 0]);
    });
  });

  it("leaves no listener at the caller's signal, whichever way it ends, and warns of none", async () => {
    const warnings = jest.spyOn(process, "emitWarning");
    const { signal } = new AbortController();
    await runParallel(dataSource, numbers(30), (_, manager) => manager.query("SELECT 1"), { signal });
    await runParallel(dataSource, [1], () => Promise.reject(broken), { signal }).catch(() => undefined);
    await runParallel(dataSource, [1], () => Promise.reject(broken), { signal, onError: "collect" }).catch(
      () => undefined,
    );
    expect(getEventListeners(signal, "abort")).toEqual([]);
    expect(warnings).not.toHaveBeenCalled();
    warnings.mockRestore();
  });

  describe("progress", () => {
    const work = async (item: number, manager: EntityManager): Promise<void> => {
      await manager.query("SELECT 1");
      if (item === 1) throw broken;
    };

    it("is told after each item, with the failures", async () => {
      const seen: ParallelProgress[] = [];
      const onProgress = (progress: ParallelProgress): unknown => seen.push(progress);
      await runParallel(dataSource, numbers(4), work, {
        onError: "collect",
        concurrency: 1,
        onProgress,
      }).catch(() => undefined);
      expect(seen).toEqual([
        { completed: 1, failed: 0, total: 4 },
        { completed: 2, failed: 1, total: 4 },
        { completed: 3, failed: 1, total: 4 },
        { completed: 4, failed: 1, total: 4 },
      ]);
    });

    it("is told after the item is committed, outside of its unit", async () => {
      const seen: number[] = [];
      await runParallel(dataSource, numbers(3), (id, manager) => manager.insert(Account, { id }), {
        concurrency: 1,
        onProgress: async () => {
          expect(dataSource.manager.queryRunner?.isTransactionActive ?? false).toBe(false);
          seen.push(await dataSource.manager.count(Account));
        },
      });
      expect(seen).toEqual([1, 2, 3]);
    });

    it.each([
      [
        "throws",
        "stop",
        () => {
          throw broken;
        },
      ],
      [
        "throws",
        "collect",
        () => {
          throw broken;
        },
      ],
      ["rejects", "collect", () => Promise.reject(broken)],
    ] as const)("that %s stops the work, when failures %s", async (_, onError, onProgress) => {
      const worker = jest.fn((id: number, manager: EntityManager) => manager.insert(Account, { id }));
      const options = { onError, onProgress, concurrency: 1 };
      await expect(runParallel(dataSource, numbers(5), worker, options)).rejects.toBe(broken);
      expect(worker).toHaveBeenCalledTimes(1);
      expect(await ids()).toEqual([0]);
    });
  });
});
