import type { DataSource } from "typeorm";
import { runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase, typeormLine } from "../support/databases";
import { ids, open, reset, rolledBack, settled, withSubscriber } from "./unit-support";

const hooks = [
  "beforeTransactionStart",
  "afterTransactionStart",
  "beforeQuery",
  "afterQuery",
  "beforeInsert",
  "afterInsert",
  "beforeUpdate",
  "afterUpdate",
  "afterLoad",
  "beforeTransactionCommit",
  "afterTransactionCommit",
  "beforeTransactionRollback",
  "afterTransactionRollback",
] as const;

eachDatabase((scratch, database) => {
  let mine: DataSource;
  let looker: DataSource;

  beforeAll(async () => {
    ({ mine, looker } = await open(scratch(), 2));
  });
  beforeEach(async () => {
    await reset(looker);
    jest.spyOn(process, "emitWarning").mockImplementation();
  });
  afterEach(() => jest.restoreAllMocks());

  const balance = async (id: number): Promise<number> =>
    (await looker.manager.findOneByOrFail(Account, { id })).balance;

  // Whatever a subscriber throws, and wherever: rejected is rolled back, resolved is committed, tokens are those of the
  // row, and the pool is whole.
  describe.each(hooks)("a subscriber that throws in %s", (hook) => {
    describe.each(["synchronously", "by a promise"])("%s", (way) => {
      it.each([1, 2, 3])("the call number %i", async (call) => {
        // The drivers of 0.3 call it from their own callbacks, and the query is never settled, guarded or not.
        if (hook === "afterQuery" && database !== "postgres" && typeormLine === "0.3") return;
        let calls = 0;
        const throwing = {
          [hook]: () => {
            if (++calls !== call) return undefined;
            if (way === "synchronously") throw rolledBack;
            return Promise.reject(rolledBack);
          },
        };
        const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
        const isFailing = hook.endsWith("Rollback");
        const outcome = await withSubscriber(mine, throwing, () =>
          settled(
            runUnitOfWork(
              mine,
              async (manager) => {
                await manager.save(Object.assign(account, { balance: account.balance + 1 }));
                await manager.save(manager.create(Account, { id: 3 }));
                await manager
                  .transaction(async (nested) => {
                    await nested.save(Object.assign(account, { balance: account.balance + 1 }));
                    if (isFailing) throw rolledBack;
                  })
                  .catch(() => undefined);
                if (isFailing) throw rolledBack;
              },
              { retries: 0 },
            ),
          ),
        );
        const left = await ids(looker);
        if (outcome.status === "fulfilled") {
          expect(left).toEqual([1, 2, 3]);
          expect(await balance(1)).toBeGreaterThan(0);
        } else expect([left, await balance(1)]).toEqual([[1, 2], 0]);
        // As many as the pool has, at once.
        const others = [10, 11].map((id) =>
          runUnitOfWork(mine, (manager) => manager.insert(Account, { id })),
        );
        await Promise.all(others);
        expect(await ids(looker)).toEqual([...left, 10, 11]);
        // The entity in memory is as its row, or as it was before the unit: its next save is not refused.
        const row = await looker.manager.findOneByOrFail(Account, { id: 1 });
        expect(account.version).toBe(row.version);
      });
    });
  });

  describe.each(["afterTransactionCommit", "afterTransactionRollback"] as const)("work in %s", (hook) => {
    const names = [
      "the event's manager",
      "the event's query runner",
      "dataSource.manager",
      "dataSource.query",
    ] as const;
    it.each(names)("by %s is done, as with transaction()", async (name) => {
      const run = async (begin: (work: () => Promise<void>) => Promise<void>): Promise<number> => {
        let isDone = false;
        const sql = "UPDATE account SET balance = balance + 1 WHERE id = 2";
        const subscriber = {
          [hook]: async ({ manager, queryRunner }: any) => {
            if (isDone) return;
            isDone = true;
            if (name === "the event's manager")
              await manager.update(Account, { id: 2 }, { balance: () => "balance + 1" });
            else if (name === "the event's query runner") await queryRunner.query(sql);
            else if (name === "dataSource.manager")
              await mine.manager.update(Account, { id: 2 }, { balance: () => "balance + 1" });
            else await mine.query(sql);
          },
        };
        const before = await balance(2);
        await withSubscriber(mine, subscriber as never, () =>
          settled(
            begin(async () => {
              await Promise.resolve();
              if (hook === "afterTransactionRollback") throw rolledBack;
            }),
          ),
        );
        return (await balance(2)) - before;
      };
      expect(await run((work) => mine.transaction(work))).toBe(1);
      expect(await run((work) => runUnitOfWork(mine, work))).toBe(1);
    });
  });
});
