import diagnostics from "node:diagnostics_channel";
import type { DataSource } from "typeorm";
import { guardDataSource, runUnitOfWork } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";

eachDatabase(
  (scratch) => {
    let dataSource: DataSource;
    beforeAll(async () => {
      dataSource = await guardDataSource(scratch().dataSource([Account], { synchronize: true })).initialize();
    });

    const names = ["conflict", "retry", "gave-up", "unit"];
    const heard: { name: string; event: Record<string, unknown> }[] = [];
    const listeners = names.map((name) => ({
      channel: `typeorm-concurrency:${name}`,
      listen: (event: unknown) => void heard.push({ name, event: event as Record<string, unknown> }),
    }));
    beforeEach(() => {
      heard.length = 0;
      for (const { channel, listen } of listeners) diagnostics.subscribe(channel, listen);
    });
    afterEach(() => {
      for (const { channel, listen } of listeners) diagnostics.unsubscribe(channel, listen);
    });

    it("tells of conflicts, retries and the end", async () => {
      await dataSource.manager.insert(Account, { id: 1 });
      await runUnitOfWork(dataSource, async (manager, { number }) => {
        const account = await manager.findOneByOrFail(Account, { id: 1 });
        if (number < 3) account.version = 100 - number;
        await manager.save(Object.assign(account, { balance: 5 }));
      });
      expect(heard.map(({ name }) => name)).toEqual(["conflict", "retry", "conflict", "retry", "unit"]);
      expect(heard.map(({ event }) => event)).toEqual([
        { dataSource, error: expect.objectContaining({ code: "OPTIMISTIC_LOCK" }) as unknown },
        expect.objectContaining({ dataSource, attempt: 1, delayMs: 0, reason: "conflict" }),
        expect.objectContaining({ dataSource }),
        expect.objectContaining({ attempt: 2, delayMs: expect.any(Number) as unknown }),
        { dataSource, attempts: 3, elapsedMs: expect.any(Number) as unknown, outcome: "committed" },
      ]);
      expect(heard.every(({ event }) => Object.isFrozen(event))).toBe(true);
    });

    it("tells when a unit has given up, and when one has failed", async () => {
      const error = new Error("again");
      const options = { retries: 1, shouldRetry: () => true };
      await runUnitOfWork(dataSource, () => Promise.reject(error), options).catch(() => undefined);
      await runUnitOfWork(dataSource, () => Promise.reject(error)).catch(() => undefined);
      const elapsedMs = expect.any(Number) as unknown;
      expect(heard).toEqual([
        { name: "retry", event: { dataSource, attempt: 1, delayMs: 0, reason: "asked", error } },
        { name: "gave-up", event: { dataSource, attempts: 2, elapsedMs, error } },
        { name: "unit", event: { dataSource, attempts: 2, elapsedMs, outcome: "failed" } },
        { name: "unit", event: { dataSource, attempts: 1, elapsedMs, outcome: "failed" } },
      ]);
    });
  },
  ["sqlite"],
);
