import type { DataSource } from "typeorm";
import { runUnitOfWork, verifyUnchanged } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { open, reset, rolledBack, settled, withSubscriber } from "./unit-support";

// The unit refuses a ROLLBACK that the work sends; the guard has heard of it all the same.
eachDatabase((scratch) => {
  let mine: DataSource;
  let looker: DataSource;
  beforeEach(async () => {
    ({ mine, looker } = await open(scratch()));
    await reset(looker);
    jest.spyOn(process, "emitWarning").mockImplementation();
  });
  afterEach(async () => {
    jest.restoreAllMocks();
    await mine.destroy();
    await looker.destroy();
  });

  it("keeps the tokens of what the unit commits when a rollback of its work was refused", async () => {
    const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
    await runUnitOfWork(mine, async (manager) => {
      await manager.save(Object.assign(account, { balance: 1 }));
      await settled(manager.queryRunner!.rollbackTransaction());
    });
    expect((await looker.manager.findOneByOrFail(Account, { id: 1 })).balance).toBe(1);
    await mine.manager.save(Object.assign(account, { balance: 2 }));
  });

  it("verifies at the commit although a rollback of the work was refused", async () => {
    const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
    const outcome = await settled(
      runUnitOfWork(
        mine,
        async (manager) => {
          await verifyUnchanged(manager, account);
          await settled(manager.queryRunner!.rollbackTransaction());
          await manager.query("UPDATE account SET version = version + 1 WHERE id = 1");
        },
        { retries: 0 },
      ),
    );
    expect(outcome.status).toBe("rejected");
  });

  it("keeps the tokens of what the unit commits when a nested transaction fails in afterTransactionCommit", async () => {
    const account = await mine.manager.findOneByOrFail(Account, { id: 1 });
    let commits = 0;
    const subscriber = {
      afterTransactionCommit: () => (++commits === 1 ? Promise.reject(rolledBack) : undefined),
    };
    const outcome = await withSubscriber(mine, subscriber as never, () =>
      settled(
        runUnitOfWork(mine, async (manager) => {
          await manager.save(Object.assign(account, { balance: 1 }));
          await settled(manager.transaction((nested) => nested.increment(Account, { id: 2 }, "balance", 1)));
        }),
      ),
    );
    const row = await looker.manager.findOneByOrFail(Account, { id: 1 });
    expect({ outcome: outcome.status, balance: row.balance, version: account.version }).toEqual({
      outcome: outcome.status,
      balance: outcome.status === "fulfilled" ? 1 : 0,
      version: row.version,
    });
  });
});
