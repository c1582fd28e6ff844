import type { DataSource, QueryRunner } from "typeorm";
import type { Readable } from "node:stream";
import { guardDataSource } from "typeorm-concurrency";
import { Account } from "../support/account";
import { eachDatabase } from "../support/databases";
import { Latch } from "../support/latch";

eachDatabase(
  (scratch, database) => {
    let dataSource: DataSource;
    let looker: DataSource;

    beforeAll(async () => {
      looker = await scratch().dataSource([Account], { synchronize: true }).initialize();
      await looker.manager.insert(
        Account,
        Array.from({ length: 500 }, (_, index) => ({ id: index + 1 })),
      );
    });

    beforeEach(async () => {
      dataSource = scratch().dataSource([Account], { poolSize: 1 });
      await guardDataSource(dataSource, { overlap: "throw" }).initialize();
    });

    it("goes on at once after a stream that was left early", async () => {
      await dataSource.transaction(async (manager) => {
        const stream = await manager.createQueryBuilder(Account, "account").stream();
        for await (const row of stream) {
          expect(row).toBeDefined();
          break;
        }
        expect(await manager.count(Account)).toBe(500);
      });
      expect(await dataSource.manager.count(Account)).toBe(500);
    });

    it("commits at once after a stream that was left early", async () => {
      await dataSource.transaction(async (manager) => {
        const stream = await manager.createQueryBuilder(Account, "account").stream();
        for await (const row of stream) if (row !== undefined) break;
      });
      expect(await dataSource.manager.count(Account)).toBe(500);
    });

    it("goes on after a stream that was destroyed", async () => {
      await dataSource.transaction(async (manager) => {
        const stream = await manager.createQueryBuilder(Account, "account").stream();
        (stream as Readable).destroy();
        expect(await manager.count(Account)).toBe(500);
      });
    });

    const isToldLate = database === "mariadb";
    const atEnd = isToldLate ? it.skip : it;
    const reason = isToldLate ? " (skipped: mysql2 calls it before the stream has ended)" : "";

    atEnd(`goes on in the callback of the stream's own end${reason}`, async () => {
      await dataSource.transaction(async (manager) => {
        const queryRunner = manager.queryRunner as QueryRunner;
        const count = await new Promise((resolve, reject) => {
          void queryRunner
            .stream("SELECT id FROM account", [], () => resolve(manager.count(Account)), reject)
            .then((stream) => stream.resume());
        });
        expect(count).toBe(500);
      });
    });

    it("goes on after a stream that has failed", async () => {
      const queryRunner = dataSource.createQueryRunner();
      const stream = await queryRunner.stream("SELECT nothing FROM nowhere");
      await expect(
        (async () => {
          for await (const row of stream) expect(row).toBeUndefined();
        })(),
      ).rejects.toThrow();
      expect(await queryRunner.manager.count(Account)).toBe(500);
      await queryRunner.release();
    });

    it("does not hear a stream's error in the place of the application", async () => {
      const queryRunner = dataSource.createQueryRunner();
      const stream = await queryRunner.stream("SELECT nothing FROM nowhere");
      expect(stream.listenerCount("error")).toBe(0);
      const failed = new Latch();
      stream.on("error", failed.open);
      stream.resume();
      await failed.opened;
      await queryRunner.release();
    });

    it("refuses to commit beside a stream nobody reads, and gives back a clean connection", async () => {
      let stream: Readable | undefined;
      const forgetful = dataSource.transaction(async (manager) => {
        stream = (await manager.createQueryBuilder(Account, "account").stream()) as Readable;
        stream.once("readable", () => stream?.destroy());
      });
      await expect(forgetful).rejects.toMatchObject({ code: "OVERLAPPING_USE" });
      expect(await dataSource.manager.count(Account)).toBe(500);
    });
  },
  ["postgres", "mariadb"],
);
