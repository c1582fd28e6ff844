import { setImmediate as immediate } from "node:timers/promises";
import type { DataSource } from "typeorm";
import { runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";
import { ids, open, reset, rolledBack, settled } from "./unit-support";

const poolSize = 3;

eachDatabase(
  (scratch, database) => {
    let mine: DataSource;
    let looker: DataSource;
    beforeEach(async () => {
      ({ mine, looker } = await open(scratch(), poolSize));
      await reset(looker);
      jest.spyOn(process, "emitWarning").mockImplementation();
    });
    afterEach(async () => {
      jest.restoreAllMocks();
      await mine.destroy();
      await looker.destroy();
    });

    const balance = async (id = 1): Promise<number> =>
      (await looker.manager.findOneByOrFail(Account, { id })).balance;
    const killSelf =
      database === "postgres" ? "SELECT pg_terminate_backend(pg_backend_pid())" : "KILL CONNECTION_ID()";
    const myId = database === "postgres" ? "SELECT pg_backend_pid() AS id" : "SELECT CONNECTION_ID() AS id";
    const kill = (id: number): Promise<unknown> =>
      looker.query(database === "postgres" ? `SELECT pg_terminate_backend(${id})` : `KILL ${id}`);

    /** As many units as the pool has connections, at once, each on its own, none of which is in a transaction yet. */
    async function expectWholePool(): Promise<void> {
      const all = new Latch();
      const connections = new Set<number>();
      await Promise.all(
        Array.from({ length: poolSize }, () =>
          runUnitOfWork(mine, async (manager) => {
            const [{ id }] = (await manager.query(myId)) as [{ id: number }];
            connections.add(Number(id));
            if (connections.size === poolSize) all.open();
            await all.opened;
          }),
        ),
      );
      expect(connections.size).toBe(poolSize);
      if (database === "postgres") {
        const open = await looker.query(
          "SELECT pid, state, query FROM pg_stat_activity WHERE datname = current_database() AND state LIKE 'idle in%'",
        );
        expect(open).toEqual([]);
      } else {
        const runners = Array.from({ length: poolSize }, () => mine.createQueryRunner());
        const open = await Promise.all(
          runners.map((runner) => runner.query("SELECT CAST(@@in_transaction AS char) AS open")),
        );
        await Promise.all(runners.map((runner) => runner.release()));
        expect(open).toEqual(runners.map(() => [{ open: "0" }]));
      }
    }

    it("is whole, and every acknowledged increment is there once, after chaos", async () => {
      let acknowledged = 0;
      const unit = async (number: number): Promise<void> => {
        let runs = 0;
        const controller = new AbortController();
        const outcome = await settled(
          runUnitOfWork(
            mine,
            async (manager) => {
              runs++;
              const account = await manager.findOneByOrFail(Account, { id: 1 });
              account.balance += 1;
              switch (number % 9) {
                case 0:
                  if (runs === 1) await manager.query(killSelf);
                  break;
                case 1:
                  if (runs === 1) await manager.query(killSelf).catch(() => undefined);
                  break;
                case 2:
                  await Promise.all([manager.save(account), Promise.reject(rolledBack)]);
                  break;
                case 3:
                  await manager
                    .transaction((nested) => nested.insert(Account, { id: 1 }))
                    .catch(() => undefined);
                  break;
                case 4:
                  controller.abort(rolledBack);
                  break;
                case 5:
                  if (runs === 1) {
                    const [{ id }] = (await manager.query(myId)) as [{ id: number }];
                    await kill(id);
                  }
                  break;
                case 6:
                  void manager.query("SELECT 1");
                  break;
                case 7:
                  if (runs === 1) await manager.query("SELEKT").catch(() => undefined);
                  break;
                default:
              }
              await manager.save(account);
            },
            { retries: 200, minDelayMs: 1, maxDelayMs: 5, signal: controller.signal },
          ),
        );
        if (outcome.status === "fulfilled") acknowledged++;
      };
      await Promise.all(Array.from({ length: 45 }, (_, number) => unit(number)));
      expect(acknowledged).toBeGreaterThan(10);
      expect(await balance()).toBe(acknowledged);
      await expectWholePool();
    });

    it("gives a connection back that comes after the signal", async () => {
      const gate = new Latch();
      let holding = 0;
      const full = new Latch();
      const holders = Array.from({ length: poolSize }, () =>
        runUnitOfWork(mine, async () => {
          if (++holding === poolSize) full.open();
          await gate.opened;
        }),
      );
      await full.opened;
      const controllers = Array.from({ length: 6 }, () => new AbortController());
      const work = jest.fn();
      const waiting = controllers.map(({ signal }) => settled(runUnitOfWork(mine, work, { signal })));
      await immediate();
      for (const controller of controllers) controller.abort(rolledBack);
      for (const outcome of await Promise.all(waiting)) expect(outcome).toMatchObject({ reason: rolledBack });
      gate.open();
      await Promise.all(holders);
      await expectWholePool();
      expect(work).not.toHaveBeenCalled();
    });

    it("is whole after nested transactions of every kind have failed", async () => {
      for (let round = 0; round < 6; round++) {
        await settled(
          runUnitOfWork(mine, async (manager) => {
            await manager.increment(Account, { id: 1 }, "balance", 1);
            await Promise.all([
              mine.transaction(async (nested) => {
                await nested.increment(Account, { id: 2 }, "balance", 1);
                if (round % 2 === 0) throw rolledBack;
              }),
              mine.transaction(async (nested) => {
                await nested.insert(Account, { id: 1 });
              }),
            ]);
          }),
        );
      }
      expect([await balance(1), await balance(2)]).toEqual([0, 0]);
      await expectWholePool();
    });

    it("does not lose a unit to a failing insert that it did not await", async () => {
      const outcome = await settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.insert(Account, { id: 3 });
          void manager.insert(Account, { id: 1 }).catch(() => undefined);
        }),
      );
      expect((await ids(looker)).includes(3)).toBe(outcome.status === "fulfilled");
      await expectWholePool();
    });
  },
  ["postgres", "mariadb"],
);

eachDatabase(
  (scratch) => {
    it("retries serialization failures that COMMIT tells of, and keeps every acknowledged increment", async () => {
      const { mine, looker } = await open(scratch(), 4);
      await reset(looker);
      const unit = (id: number): Promise<void> =>
        runUnitOfWork(
          mine,
          async (manager) => {
            const [{ sum }] = (await manager.query("SELECT sum(balance) AS sum FROM account")) as [
              { sum: string },
            ];
            await manager.query(`UPDATE account SET balance = ${Number(sum) + 1} WHERE id = ${id}`);
          },
          { isolation: "SERIALIZABLE", retries: 100, minDelayMs: 1 },
        );
      await Promise.all([1, 2, 1, 2, 1, 2, 1, 2].map(unit));
      await mine.destroy();
      await looker.destroy();
    });
  },
  ["postgres"],
);
