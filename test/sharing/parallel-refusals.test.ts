import { EventSubscriber, type DataSource, type EntitySubscriberInterface } from "typeorm";
import {
  isEndedUnitError,
  isGuardConfigurationError,
  isOuterTransactionError,
  runParallel,
  runUnitOfWork,
  unguardDataSource,
  type ParallelProgress,
} from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { expectWholePool, openGuarded } from "./support";

let insideSave: (() => Promise<unknown>) | undefined;

@EventSubscriber()
class Listener implements EntitySubscriberInterface {
  async beforeInsert(): Promise<void> {
    await insideSave?.();
  }
}

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let other: DataSource;

  beforeAll(async () => {
    dataSource = await openGuarded(scratch(), [Account], { subscribers: [Listener] });
    other = await openGuarded(scratch(), [Account], { synchronize: false });
  });
  beforeEach(() => dataSource.manager.clear(Account));
  afterEach(() => expectWholePool(dataSource, database));

  const refusal = async (work: Promise<unknown>): Promise<unknown> =>
    work.then(
      () => "done",
      (error: unknown) => error,
    );

  it("is refused inside a unit, a transaction, a save and its own worker", async () => {
    const pulled = jest.fn();
    function* items(): Generator<number> {
      pulled();
      yield 1;
    }
    const attempt = (): Promise<unknown> => refusal(runParallel(dataSource, items(), jest.fn()));
    const inside: Record<string, unknown> = {
      "a unit of work": await runUnitOfWork(dataSource, attempt),
      "a transaction()": await dataSource.transaction(attempt),
    };
    insideSave = async () => {
      insideSave = undefined;
      inside["a listener or subscriber of a save"] = await attempt();
    };
    await dataSource.manager.save(dataSource.manager.create(Account, { id: 1 }));
    const [inWorker] = await runParallel(dataSource, [1], attempt);
    const words = Object.entries({ ...inside }).map(([where, error]) => [
      isOuterTransactionError(error),
      (error as { where?: string }).where,
      where,
    ]);
    expect(words).toEqual(Object.keys(inside).map((where) => [true, where, where]));
    expect(isOuterTransactionError(inWorker)).toBe(true);
    expect((inWorker as Error).message).toBe(
      "Parallel work was begun inside a unit of work of the same DataSource. All its items would join that one " +
        "transaction, which only one can use at a time, and none of them could be run again alone. Begin parallel work " +
        "outside, before or after it; inside, do one item after the other.",
    );
    expect(pulled).not.toHaveBeenCalled();
  });

  it("goes through inside a unit of another DataSource", async () => {
    const work = runUnitOfWork(other, (manager) =>
      manager.query("SELECT 1").then(() => runParallel(dataSource, [1, 2], async (item) => item)),
    );
    expect(await work).toEqual([1, 2]);
  });

  it("is refused in what a unit that was rolled back has left running", async () => {
    const gate = new Latch();
    const items = { [Symbol.iterator]: jest.fn(() => [1].values()) };
    let leftover: Promise<unknown> | undefined;
    await refusal(
      runUnitOfWork(dataSource, async () => {
        leftover = gate.opened.then(() => refusal(runParallel(dataSource, items, jest.fn())));
        throw new Error("rolled back on purpose");
      }),
    );
    gate.open();
    expect(isEndedUnitError(await leftover)).toBe(true);
    expect(items[Symbol.iterator]).not.toHaveBeenCalled();
  });

  it.each([
    [{ concurrency: 0 }, '"concurrency" must be an integer of at least 1, or Infinity, not 0.'],
    [{ concurrency: 1.5 }, '"concurrency" must be an integer of at least 1, or Infinity, not 1.5.'],
    [{ concurrency: NaN }, '"concurrency" must be an integer of at least 1, or Infinity, not NaN.'],
    [{ concurrency: "3" }, '"concurrency" must be an integer of at least 1, or Infinity, not 3.'],
    [{ onError: "ignore" }, '"onError" must be one of stop, collect, not ignore.'],
    [{ onProgress: true }, '"onProgress" must be a function, not true.'],
    [{ retries: -1 }, '"retries" must be an integer of at least 0, or Infinity, not -1.'],
    [{ signal: "now" }, '"signal" must be an AbortSignal, not now.'],
  ])("is refused with %j, before an item is asked for", async (options, message) => {
    const items = { [Symbol.iterator]: jest.fn() };
    const error = await refusal(runParallel(dataSource, items, jest.fn(), options as never));
    expect(isGuardConfigurationError(error)).toBe(true);
    expect((error as Error).message).toBe(message);
    expect(items[Symbol.iterator]).not.toHaveBeenCalled();
  });

  it.each([
    [[], undefined, "The worker must be a function, not undefined."],
    [undefined, jest.fn(), "The items must be an iterable, not undefined."],
    [7, jest.fn(), "The items must be an iterable, not 7."],
    [{ length: 1, 0: "a" }, jest.fn(), "The items must be an iterable, not [object Object]."],
  ])("is refused for items %p and worker %p", async (items, worker, message) => {
    const error = await refusal(runParallel(dataSource, items as never, worker as never));
    expect([isGuardConfigurationError(error), (error as Error).message]).toEqual([true, message]);
  });

  it("is refused on a DataSource that is not guarded, and in the middle when it is guarded no more", async () => {
    const bare = await refusal(runParallel(scratch().dataSource([Account]), [1], jest.fn()));
    expect(isGuardConfigurationError(bare)).toBe(true);
    const unguarded = await openGuarded(scratch(), [Account], { synchronize: false });
    const onProgress = ({ completed }: ParallelProgress): void => {
      if (completed === 2) unguardDataSource(unguarded);
    };
    const error = await refusal(
      runParallel(unguarded, [1, 2, 3], (_, manager) => manager.query("SELECT 1"), {
        concurrency: 1,
        onProgress,
      }),
    );
    expect(isGuardConfigurationError(error)).toBe(true);
  });

  it("fails as a unit of work does on a DataSource that is destroyed", async () => {
    const destroyed = await openGuarded(scratch(), [Account], { synchronize: false });
    await destroyed.destroy();
    const worker = jest.fn();
    const [unit, first] = [
      await refusal(runUnitOfWork(destroyed, worker, { retries: 0 })),
      await refusal(runParallel(destroyed, [1, 2], worker, { retries: 0 })),
    ];
    expect(first).toBeInstanceOf(Error);
    expect((first as Error).message).toBe((unit as Error).message);
    expect(worker).not.toHaveBeenCalled();
  });
});
