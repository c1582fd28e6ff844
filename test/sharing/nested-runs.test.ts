import { setImmediate } from "node:timers/promises";
import type { DataSource, EntityManager } from "typeorm";
import {
  createSerialActor,
  guardDataSource,
  isReentrantCallError,
  OptimisticLockError,
  runUnitOfWork,
  type SerialActor,
} from "typeorm-concurrency";
import { settled } from "../attack/unit-support";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

const rolledBack = new Error("rolled back on purpose");
const reentrant = { code: "REENTRANT_CALL" };

eachDatabase((scratch, database) => {
  let dataSource: DataSource;
  let single: DataSource;
  let actor: SerialActor;
  let order: string[];

  beforeAll(async () => {
    const open = (poolSize: number): Promise<DataSource> =>
      guardDataSource(scratch().dataSource([Account], { synchronize: true, poolSize })).initialize();
    dataSource = await open(5);
    single = await open(1);
  });
  beforeEach(async () => {
    await dataSource.manager.clear(Account);
    await dataSource.manager.insert(Account, [{ id: 1 }, { id: 2 }]);
    actor = createSerialActor(dataSource);
    order = [];
  });
  afterEach(() => expect(actor.pending).toBe(0));

  const add = (manager: EntityManager, amount = 1, id = 1): Promise<unknown> =>
    manager.increment(Account, { id }, "balance", amount);
  const balance = async (id = 1): Promise<number> =>
    (await dataSource.manager.findOneByOrFail(Account, { id })).balance;
  const note = (event: string) => async (): Promise<void> => void order.push(event);
  const noted = (event: string, latch?: Latch) => async (): Promise<void> => {
    order.push(`${event} begins`);
    await latch?.opened;
    await setImmediate();
    order.push(`${event} ends`);
  };

  describe("a run inside a run", () => {
    it("is refused with the key that it is in, instead of waiting for ever", async () => {
      const work = jest.fn();
      const [withKey, without] = await Promise.all([
        actor.run("a", async (manager) => {
          await add(manager);
          return settled(actor.run("a", work));
        }),
        actor.run(async () => settled(actor.run(work))),
      ]);
      expect(withKey).toMatchObject({
        reason: {
          ...reentrant,
          call: "run with the key 'a'",
          message:
            "run with the key 'a' of a serial actor was called inside work that has to end first, so it would wait for " +
            "itself for ever. What is done under a key already, do directly. Where work needs several keys, take them in " +
            "the same order everywhere, or give it one key for all.",
        },
      });
      expect(without).toMatchObject({ reason: { ...reentrant, call: "run without a key" } });
      expect(isReentrantCallError((without as PromiseRejectedResult).reason)).toBe(true);
      expect(work).not.toHaveBeenCalled();
      expect(await balance()).toBe(1);
    });

    it("is refused with the key of a run further out too, but not with that of one that has ended", async () => {
      await actor.run("a", () =>
        actor.run("b", async () => {
          await expect(actor.run("a", jest.fn())).rejects.toMatchObject(reentrant);
          await actor.run("c", note("c"));
          await actor.run("c", note("c again"));
        }),
      );
      expect(order).toEqual(["c", "c again"]);
    });

    it("joins the unit of work that it is in", async () => {
      const run = actor.run("a", async (manager) => {
        await add(manager);
        await actor.run("b", async (inner) => {
          expect(inner).toBe(manager);
          await add(inner);
        });
        throw rolledBack;
      });
      await expect(run).rejects.toBe(rolledBack);
      expect(await balance()).toBe(0);
    });

    it("keeps its key until the outermost run has settled, since nothing is committed before", async () => {
      const [entered, ended] = [new Latch(), new Latch()];
      const outermost = actor.run("a", async () => {
        await actor.run("b", (manager) => add(manager));
        entered.open();
        await ended.opened;
      });
      await entered.opened;
      const seen = actor.run("b", async (manager) => {
        order.push("b");
        return (await manager.findOneByOrFail(Account, { id: 1 })).balance;
      });
      // By the time of some units of others it would have begun.
      for (let unit = 0; database !== "sqlite" && unit < 5; unit++) {
        await runUnitOfWork(dataSource, (manager) => manager.query("SELECT 1"));
      }
      order.push("a ends");
      ended.open();
      await outermost;
      expect(await seen).toBe(1);
      expect(order).toEqual(["a ends", "b"]);
    });

    it("comes after another one with the same key that it runs beside", async () => {
      await actor.run("a", async () => {
        await Promise.all([
          actor.run("b", noted("1")),
          actor.run("b", noted("2")),
          actor.run("b", noted("3")),
        ]);
      });
      expect(order).toEqual(["1 begins", "1 ends", "2 begins", "2 ends", "3 begins", "3 ends"]);
    });

    it("enters a key that is held already at once, before those who wait for it", async () => {
      const [entered, queued] = [new Latch(), new Latch()];
      const outermost = actor.run("a", async () => {
        await actor.run("b", note("first"));
        entered.open();
        await queued.opened;
        await actor.run("b", note("again"));
      });
      await entered.opened;
      const outside = actor.run("b", note("outside"));
      queued.open();
      await Promise.all([outermost, outside]);
      expect(order).toEqual(["first", "again", "outside"]);
    });

    it("is part of what was accepted: not counted, and let through after close()", async () => {
      actor = createSerialActor(dataSource, { maxPending: 1 });
      const [entered, closed] = [new Latch(), new Latch()];
      const run = actor.run("a", async () => {
        entered.open();
        await closed.opened;
        await actor.run("b", () => actor.run(note("inside")));
        expect(actor.pending).toBe(1);
      });
      await entered.opened;
      const closing = actor.close();
      closed.open();
      await Promise.all([run, closing]);
      expect(order).toEqual(["inside"]);
      await expect(actor.run(jest.fn())).rejects.toMatchObject({ code: "CLOSED_ACTOR" });
    });

    it("stops waiting for its key when its signal is aborted", async () => {
      if (database === "sqlite") return;
      const controller = new AbortController();
      const [entered, ended] = [new Latch(), new Latch()];
      const holder = actor.run("b", async () => {
        entered.open();
        await ended.opened;
      });
      await entered.opened;
      await actor.run("a", async () => {
        const waiting = actor.run("b", jest.fn(), { signal: controller.signal });
        controller.abort(rolledBack);
        await expect(waiting).rejects.toBe(rolledBack);
      });
      ended.open();
      await holder;
    });

    it("runs again with the outermost one, and lets others have its key in between", async () => {
      const conflict = (manager: EntityManager): Promise<never> =>
        manager
          .findOneByOrFail(Account, { id: 2 })
          .then((account) =>
            add(manager, 1, 2).then(() => manager.save(Object.assign(account, { owner: "ann" }))),
          )
          .then(() => Promise.reject(new Error("was not refused")));
      let attempts = 0;
      let outside: Promise<unknown> | undefined;
      const between = new Latch();
      const startOutside = between.opened.then(() => {
        outside = actor.run("b", note("outside"));
      });
      await actor.run("a", async (manager, attempt) => {
        attempts = attempt.number;
        await actor.run("b", async (inner) => {
          await add(inner);
          order.push(`inside ${attempt.number}`);
        });
        between.open();
        await startOutside;
        if (attempt.number === 1) await conflict(manager);
        else expect(attempt.previousError).toBeInstanceOf(OptimisticLockError);
      });
      await outside;
      expect(attempts).toBe(2);
      expect([...order].sort()).toEqual(["inside 1", "inside 2", "outside"]);
      expect(await balance()).toBe(1);
    });
  });

  describe("runs that would wait for each other for ever", () => {
    /** Each takes the first key, waits until all have theirs, and takes the second one inside. */
    async function cross(
      pairs: readonly (readonly [SerialActor, unknown, SerialActor, unknown])[],
    ): Promise<PromiseSettledResult<unknown>[]> {
      let entered = 0;
      const all = new Latch();
      return Promise.allSettled(
        pairs.map(([outer, first, inner, second]) =>
          outer.run(first, async () => {
            if (++entered === pairs.length) all.open();
            // On SQLite units take turns, so that no two of them ever wait for each other.
            if (database !== "sqlite") await all.opened;
            await inner.run(second, (manager) => add(manager));
          }),
        ),
      );
    }
    const refusals = (outcomes: PromiseSettledResult<unknown>[]): unknown[] =>
      outcomes.flatMap((outcome) => (outcome.status === "rejected" ? outcome.reason.code : []));

    it("are refused, one of them, and the others go on", async () => {
      const outcomes = await cross([
        [actor, "a", actor, "b"],
        [actor, "b", actor, "c"],
        [actor, "c", actor, "a"],
      ]);
      const expected = database === "sqlite" ? [] : ["REENTRANT_CALL"];
      expect(refusals(outcomes)).toEqual(expected);
      expect(await balance()).toBe(3 - expected.length);
    });

    it("are refused over several actors and DataSources", async () => {
      const other = createSerialActor(single);
      const [entered, queued] = [new Latch(), new Latch()];
      const first = settled(
        actor.run("a", async () => {
          entered.open();
          await queued.opened;
          await other.run("a", note("inner"));
        }),
      );
      await entered.opened;
      const second = settled(
        other.run("a", async () => {
          queued.open();
          await setImmediate();
          await actor.run("a", note("inner"));
        }),
      );
      const outcomes = await Promise.all([first, second]);
      expect(refusals(outcomes)).toEqual(["REENTRANT_CALL"]);
      expect(order).toEqual(["inner"]);
    });

    if (database !== "sqlite") {
      it("are refused through those who wait before them, and by any of several waits", async () => {
        const [bHeld, cHeld, waits, end] = [new Latch(), new Latch(), new Latch(), new Latch()];
        const holdsB = actor.run("b", async () => {
          bHeld.open();
          await end.opened;
        });
        // Has c, and waits for b and then for a.
        const holdsC = settled(
          actor.run("c", async () => {
            cHeld.open();
            await waits.opened;
            await Promise.all([actor.run("b", note("c in b")), actor.run("a", note("c in a"))]);
          }),
        );
        await Promise.all([bHeld.opened, cHeld.opened]);
        await actor.run("a", async () => {
          waits.open();
          while (actor.pending < 5) await setImmediate();
          // b is held by one who waits for nobody, but before this one stands one who waits for a.
          await expect(actor.run("b", jest.fn())).rejects.toMatchObject(reentrant);
        });
        end.open();
        expect(await holdsC).toMatchObject({ status: "fulfilled" });
        await holdsB;
        expect(order.sort()).toEqual(["c in a", "c in b"]);
      });

      it("are not those who only wait for one and the same", async () => {
        const [held, end] = [new Latch(), new Latch()];
        const holder = actor.run("c", async () => {
          held.open();
          await end.opened;
        });
        await held.opened;
        const runs = ["a", "b"].map((key) =>
          actor.run(key, () =>
            Promise.all([actor.run("c", note(key)), actor.run("c", note(`${key} again`))]),
          ),
        );
        while (actor.pending < 7) await setImmediate();
        end.open();
        await Promise.all([holder, ...runs]);
        const [first, second] = order[0] === "a" ? ["a", "b"] : ["b", "a"];
        expect(order).toEqual([first, `${first} again`, second, `${second} again`]);
      });
    }
  });

  describe("idle() and close()", () => {
    it("are refused inside the actor's own work, which goes on", async () => {
      await actor.run("a", () =>
        actor.run("b", async () => {
          await expect(actor.idle()).rejects.toMatchObject({ ...reentrant, call: "idle()" });
          await expect(actor.close()).rejects.toMatchObject({ ...reentrant, call: "close()" });
        }),
      );
      await actor.run(note("still open"));
      expect(order).toEqual(["still open"]);
    });

    it("wait inside the work of another actor, unless that waits for this one", async () => {
      const other = createSerialActor(single);
      const [begun, waiting] = [new Latch(), new Latch()];
      const work = settled(
        other.run(async () => {
          begun.open();
          await waiting.opened;
          await actor.run("a", jest.fn());
        }),
      );
      await begun.opened;
      await actor.run("a", async () => {
        const idle = other.idle().then(() => order.push("idle"));
        waiting.open();
        await idle;
      });
      expect(await work).toMatchObject({ status: "rejected", reason: reentrant });
      expect(order).toEqual(["idle"]);
    });
  });

  describe("where there is one connection", () => {
    it("a run inside goes before one who waits for the connection, instead of waiting for each other", async () => {
      const its = createSerialActor(single);
      const [entered, queued] = [new Latch(), new Latch()];
      const outermost = its.run("a", async () => {
        entered.open();
        await queued.opened;
        await its.run("b", async (manager) => {
          order.push("inside");
          await add(manager);
        });
        order.push("a ends");
      });
      await entered.opened;
      const outside = [its.run("b", note("outside")), its.run("b", note("outside too"))];
      await setImmediate();
      queued.open();
      await Promise.all([outermost, ...outside]);
      expect(order).toEqual(["inside", "a ends", "outside", "outside too"]);
      expect(await balance()).toBe(1);
    });

    it("a run whose unit is run again waits for its key, and not for one who waits for its connection", async () => {
      const its = createSerialActor(single, { minDelayMs: 0 });
      const [entered, queued] = [new Latch(), new Latch()];
      const runs = [
        its.run(
          "a",
          async (_, { number }) => {
            entered.open();
            await queued.opened;
            order.push(`a ${number}`);
            await its.run("b", (inner) => add(inner));
            if (number === 1) throw rolledBack;
          },
          { shouldRetry: () => true },
        ),
      ];
      await entered.opened;
      for (const key of ["a", "b"]) {
        runs.push(its.run(key, async () => its.run(key === "a" ? "b" : "a", note(`${key} outside`))));
      }
      queued.open();
      await Promise.all(runs);
      expect([...order].sort()).toEqual(["a 1", "a 2", "a outside", "b outside"]);
      expect(await balance()).toBe(1);
      await its.close();
    });
  });

  describe("what a run has left running", () => {
    it("is a run of its own from then on", async () => {
      const [left, next] = [new Latch(), new Latch()];
      let late: Promise<unknown> | undefined;
      await actor.run("a", async () => {
        late = left.opened.then(() =>
          actor.run("a", async (manager) => {
            await add(manager);
            next.open();
          }),
        );
      });
      left.open();
      await Promise.all([next.opened, late, actor.run("a", note("after"))]);
      expect(await balance()).toBe(1);
    });

    it("leaves no key behind when it was still waiting", async () => {
      const [held, end] = [new Latch(), new Latch()];
      const holder =
        database === "sqlite"
          ? Promise.resolve()
          : actor.run("b", async () => {
              held.open();
              await end.opened;
            });
      if (database !== "sqlite") await held.opened;
      let late: Promise<unknown> | undefined;
      await actor.run("a", async () => {
        late = actor.run("b", note("late"));
        if (database === "sqlite") await late;
      });
      end.open();
      await Promise.all([late, holder, actor.run("b", note("after"))]);
      expect(order).toEqual(["late", "after"]);
    });

    it("of a run that was rolled back is refused", async () => {
      const left = new Latch();
      let late: Promise<unknown> | undefined;
      const run = actor.run("a", async () => {
        late = settled(left.opened.then(() => actor.run("b", jest.fn())));
        throw rolledBack;
      });
      await expect(run).rejects.toBe(rolledBack);
      left.open();
      expect(await late).toMatchObject({ reason: { code: "ENDED_UNIT" } });
    });
  });

  it("gives the key of a run on another DataSource back when that has settled, since it has committed", async () => {
    const other = createSerialActor(single);
    const [ended, seen] = [new Latch(), new Latch()];
    const outermost = actor.run("a", async () => {
      await other.run("a", note("inside"));
      ended.open();
      await seen.opened;
    });
    await ended.opened;
    await other.run("a", note("outside"));
    seen.open();
    await outermost;
    expect(order).toEqual(["inside", "outside"]);
  });
});
