import { AsyncLocalStorage } from "node:async_hooks";
import { getEventListeners } from "node:events";
import { setImmediate } from "node:timers/promises";
import { type DataSource } from "typeorm";
import {
  createSerialActor,
  guardDataSource,
  isActorQueueFullError,
  isClosedActorError,
  runUnitOfWork,
  type SerialActor,
} from "typeorm-concurrency";
import { settled } from "../attack/unit-support";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

const failure = new Error("failed on purpose");
const rolledBack = new Error("rolled back on purpose");

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let actor: SerialActor;
  let order: string[];

  beforeAll(async () => {
    const extra = { synchronize: true, poolSize: 4 };
    dataSource = await guardDataSource(scratch().dataSource([Account], extra)).initialize();
  });
  beforeEach(async () => {
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    actor = createSerialActor(dataSource);
    order = [];
  });
  afterEach(() => {
    expect(actor.pending).toBe(0);
  });

  const balance = async (id = 1): Promise<number> =>
    (await dataSource.manager.findOneByOrFail(Account, { id })).balance;

  /** Notes that it begins, waits for the latch, and notes that it ends. */
  function noted(name: string, latch?: Latch): () => Promise<string> {
    return async () => {
      order.push(`${name} begins`);
      await latch?.opened;
      await setImmediate();
      order.push(`${name} ends`);
      return name;
    };
  }

  it("does what it is brought one at a time, in the order it was brought", async () => {
    const latch = new Latch();
    const runs = [actor.run(noted("a", latch)), actor.run(noted("b")), actor.run(noted("c"))];
    expect(actor.pending).toBe(3);
    latch.open();
    expect(await Promise.all(runs)).toEqual(["a", "b", "c"]);
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "c begins", "c ends"]);
  });

  it("lets twenty who write one row each succeed at the first attempt", async () => {
    const attempts: number[] = [];
    await Promise.all(
      Array.from({ length: 20 }, () =>
        actor.run(async (manager, attempt) => {
          attempts.push(attempt.number);
          const account = await manager.findOneByOrFail(Account, { id: 1 });
          await manager.save(Object.assign(account, { balance: account.balance + 1 }));
        }),
      ),
    );
    expect(await dataSource.manager.findOneBy(Account, { id: 1 })).toMatchObject({
      balance: 20,
      version: 21,
    });
    expect(attempts).toEqual(Array(20).fill(1));
  });

  it("begins the next when the one before has committed, not only returned", async () => {
    const seen: number[] = [];
    const read = async (): Promise<void> => {
      const [row] = await dataSource.query("SELECT balance FROM account WHERE id = 1");
      seen.push(Number((row as { balance: unknown }).balance));
      await dataSource.manager.increment(Account, { id: 1 }, "balance", 1);
    };
    await Promise.all([actor.run(read), actor.run(read), actor.run(read)]);
    expect(seen).toEqual([0, 1, 2]);
  });

  it("is one at a time for each key only", async () => {
    const latch = new Latch();
    const keys = [{}, {}, NaN, "1", 1];
    // On SQLite units take turns on the connection whatever their keys are, so what is beside them must not be one.
    const first = keys.map((key, index) => actor.run(key, noted(`${index}`, latch)));
    const second = keys.map((key, index) => actor.run(key, noted(`${index} again`)));
    if (database !== "sqlite") while (order.length < 4) await setImmediate();
    latch.open();
    await Promise.all([...first, ...second]);
    if (database !== "sqlite")
      expect(order.slice(0, 4)).toEqual(expect.arrayContaining(["0 begins", "1 begins"]));
    for (const index of keys.keys()) {
      expect(order.filter((event) => event.startsWith(`${index} `))).toEqual([
        `${index} begins`,
        `${index} ends`,
        `${index} again begins`,
        `${index} again ends`,
      ]);
    }
  });

  it("takes no key for a key of its own, and the key undefined for another", async () => {
    const latch = new Latch();
    const withoutKey = actor.run(noted("no key", latch), {});
    const others = [actor.run(undefined, noted("undefined")), actor.run(null, noted("null"), {})];
    if (database !== "sqlite") await Promise.all(others);
    expect(order).not.toContain("no key ends");
    latch.open();
    await Promise.all([withoutKey, ...others]);
  });

  it("runs each in the async context of whoever brought it", async () => {
    const request = new AsyncLocalStorage<string>();
    const latch = new Latch();
    const seen: unknown[] = [];
    const runs = ["ann", "bob", "cleo"].map((name) =>
      request.run(name, () =>
        actor.run(async (manager) => {
          await latch.opened;
          await manager.query("SELECT 1");
          seen.push(request.getStore());
        }),
      ),
    );
    request.run("dan", () => latch.open());
    await Promise.all(runs);
    expect(seen).toEqual(["ann", "bob", "cleo"]);
  });

  it("makes each a unit of work of its own, which is undone alone when it fails", async () => {
    const runs = [
      actor.run((manager) => manager.increment(Account, { id: 1 }, "balance", 1)),
      actor.run(async (manager) => {
        await manager.increment(Account, { id: 1 }, "balance", 10);
        throw failure;
      }),
      actor.run(() => {
        throw failure;
      }),
      actor.run(() => dataSource.manager.increment(Account, { id: 1 }, "balance", 100)),
    ];
    const outcomes = await Promise.allSettled(runs);
    expect(outcomes.map((outcome) => (outcome.status === "rejected" ? outcome.reason : "done"))).toEqual([
      "done",
      failure,
      failure,
      "done",
    ]);
    expect(await balance()).toBe(101);
  });

  it("runs work again that others outside have beaten, before it goes on to the next", async () => {
    const other = await guardDataSource(scratch().dataSource([Account])).initialize();
    const add = (name: string, beaten: boolean) =>
      actor.run(async (manager, { number }) => {
        order.push(`${name} ${number}`);
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        if (beaten && number === 1) await other.manager.increment(Account, { id: 1 }, "balance", 10);
        await manager.save(Object.assign(account, { balance: account.balance + 1 }));
      });
    await Promise.all([add("a", true), add("b", false)]);
    expect(order).toEqual(["a 1", "a 2", "b 1"]);
    expect(await balance()).toBe(12);
    await other.destroy();
  });

  it("takes what is waiting out of the queue when its signal is aborted, and no listener stays", async () => {
    const controllers = Array.from({ length: 3 }, () => new AbortController());
    const latch = new Latch();
    const runs = [actor.run(noted("a", latch))];
    for (const [index, { signal }] of controllers.entries()) {
      runs.push(actor.run(noted(`${index}`), { signal }), actor.run(noted(`${index} next`)));
    }
    controllers[1]!.abort(failure);
    await expect(runs[3]).rejects.toBe(failure);
    expect(actor.pending).toBe(6);
    latch.open();
    await Promise.allSettled(runs);
    expect(order.filter((event) => event.endsWith(" begins"))).toEqual(
      ["a", "0", "0 next", "1 next", "2", "2 next"].map((name) => `${name} begins`),
    );
    expect(controllers.map(({ signal }) => getEventListeners(signal, "abort"))).toEqual([[], [], []]);
  });

  it("waits by one listener where all of its work has one signal, since Node warns of more than ten", async () => {
    const { signal } = new AbortController();
    actor = createSerialActor(dataSource, { signal });
    const latch = new Latch();
    const runs = Array.from({ length: 20 }, (_, index) => actor.run(index % 15, () => latch.opened));
    await setImmediate();
    expect(getEventListeners(signal, "abort")).toHaveLength(1);
    latch.open();
    await Promise.all(runs);
    expect(getEventListeners(signal, "abort")).toEqual([]);
  });

  it("aborts work that runs as units do, and refuses what comes with an aborted signal", async () => {
    const controller = new AbortController();
    const { signal } = controller;
    const run = actor.run(
      async (manager, attempt) => {
        expect(attempt.signal).toBe(signal);
        await manager.increment(Account, { id: 1 }, "balance", 1);
        controller.abort(failure);
      },
      { signal },
    );
    await run;
    const late = jest.fn();
    await expect(actor.run(late, { signal })).rejects.toBe(failure);
    expect(late).not.toHaveBeenCalled();
    expect(await balance()).toBe(1);
  });

  it("lets each run say otherwise than the actor", async () => {
    const { signal } = new AbortController();
    actor = createSerialActor(dataSource, { retries: 3, signal });
    const look = async (_: unknown, attempt: { retriesLeft: number; signal?: unknown }) => [
      attempt.retriesLeft,
      attempt.signal,
    ];
    expect(await actor.run(look)).toEqual([3, signal]);
    expect(await actor.run("key", look, { retries: 7 })).toEqual([7, signal]);
    expect(await actor.run(look, { retries: undefined } as object)).toEqual([3, signal]);
  });

  it("asks shouldRetry as units do", async () => {
    const asked: unknown[] = [];
    const shouldRetry = (
      error: unknown,
      { isRetryable, number }: { isRetryable: boolean; number: number },
    ) => {
      asked.push([error, isRetryable]);
      return number < 3;
    };
    const work = jest.fn().mockRejectedValue(failure);
    await expect(actor.run(work, { shouldRetry, minDelayMs: 0 })).rejects.toBe(failure);
    expect(work).toHaveBeenCalledTimes(3);
    expect(asked).toEqual(Array(3).fill([failure, false]));
  });

  it("refuses more than it may have pending, and queues nothing of it", async () => {
    actor = createSerialActor(dataSource, { maxPending: 2 });
    const latch = new Latch();
    const runs = [actor.run(noted("a", latch)), actor.run("other", noted("b"))];
    const refused = await settled(actor.run(noted("c")));
    expect(refused).toMatchObject({ reason: { code: "ACTOR_QUEUE_FULL", pending: 2, maxPending: 2 } });
    expect(isActorQueueFullError((refused as PromiseRejectedResult).reason)).toBe(true);
    expect((refused as PromiseRejectedResult).reason.message).toMatch(
      /2 runs pending, and its "maxPending" is 2/,
    );
    latch.open();
    await Promise.all(runs);
    await actor.run(noted("d"));
    expect(order).not.toContain("c begins");
    expect(order).toContain("d ends");
  });

  it("is idle when all has settled, failures and what came meanwhile included", async () => {
    await actor.idle();
    const latch = new Latch();
    const runs = Promise.allSettled([
      actor.run(noted("a", latch)),
      actor.run("key", async () => {
        throw failure;
      }),
    ]);
    const idle = actor.idle().then(() => order.push("idle"));
    const late = actor.run(noted("late"));
    latch.open();
    await Promise.all([runs, late, idle]);
    expect(order).toEqual(["a begins", "a ends", "late begins", "late ends", "idle"]);
  });

  it("finishes what it has accepted when it is closed, and refuses what comes later", async () => {
    const latch = new Latch();
    const runs = [actor.run(noted("a", latch)), actor.run(noted("b"))];
    const closed = [actor.close(), actor.close()].map((closing) => closing.then(() => order.push("closed")));
    const late = await settled(actor.run(noted("late")));
    expect(late).toMatchObject({ reason: { code: "CLOSED_ACTOR" } });
    expect(isClosedActorError((late as PromiseRejectedResult).reason)).toBe(true);
    latch.open();
    await Promise.all([...runs, ...closed]);
    await actor.close();
    expect(order).toEqual(["a begins", "a ends", "b begins", "b ends", "closed", "closed"]);
  });

  it("refuses what it cannot understand, before anything runs", async () => {
    const work = jest.fn();
    for (const parameters of [[], ["key"], ["key", {}], [work, work], [work, {}, {}].slice(0, 0)] as any[]) {
      await expect((actor.run as any)(...parameters)).rejects.toMatchObject({ code: "GUARD_CONFIGURATION" });
    }
    await expect(actor.run(work, { retries: -1 })).rejects.toThrow(/"retries" must be .* not -1/);
    await expect(actor.run("key", work, { minDelayMs: 1001, maxDelayMs: 1 })).rejects.toThrow(/"maxDelayMs"/);
    for (const maxPending of [0, -1, 1.5, NaN, "2", null] as any[]) {
      expect(() => createSerialActor(dataSource, { maxPending })).toThrow(
        `"maxPending" must be an integer of at least 1, or Infinity, not ${maxPending}`,
      );
    }
    expect(() => createSerialActor(dataSource, { retries: 0.5 })).toThrow(/"retries"/);
    expect(() => createSerialActor(scratch().dataSource([Account]))).toThrow(/not guarded/);
    expect(work).not.toHaveBeenCalled();
  });

  it("goes on after work whose connection was lost, or whose DataSource is away", async () => {
    const own = await guardDataSource(scratch().dataSource([Account])).initialize();
    const its = createSerialActor(own, { retries: 0 });
    const latch = new Latch();
    const runs = Promise.allSettled([
      its.run(() => latch.opened),
      its.run(async () => 2),
      its.run(async () => 3),
    ]);
    latch.open();
    await runs;
    await own.destroy();
    const outcomes = await Promise.allSettled([its.run(async () => 4), its.run(async () => 5)]);
    expect(outcomes.map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(its.pending).toBe(0);
    await its.close();
  });

  it("is refused inside a unit or transaction that is no actor's", async () => {
    const work = jest.fn();
    const refused = {
      code: "OUTER_TRANSACTION",
      message: expect.stringContaining("A serial actor was called inside"),
    };
    await runUnitOfWork(dataSource, () => expect(actor.run(work)).rejects.toMatchObject(refused));
    await dataSource.transaction(() => expect(actor.run("key", work)).rejects.toMatchObject(refused));
    expect(work).not.toHaveBeenCalled();
    await expect(
      actor.run(async (manager) => {
        await manager.increment(Account, { id: 1 }, "balance", 1);
        await runUnitOfWork(dataSource, () => dataSource.manager.increment(Account, { id: 1 }, "balance", 1));
        await dataSource.transaction((nested) => nested.increment(Account, { id: 1 }, "balance", 1));
        throw rolledBack;
      }),
    ).rejects.toBe(rolledBack);
    expect(await balance()).toBe(0);
  });
});
