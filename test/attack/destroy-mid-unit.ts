import "reflect-metadata";
import { writeSync } from "node:fs";
import { DataSource } from "typeorm";
import { guardDataSource, runUnitOfWork } from "../../src/index";

async function main(type: "postgres" | "mariadb", url: string): Promise<void> {
  // Bare TypeORM: a transaction is under way, and the DataSource is destroyed.
  const bare = await new DataSource({ type, url }).initialize();
  let go!: () => void;
  const gate = new Promise<void>((resolve) => (go = resolve));
  const transaction = bare.transaction(async (manager) => {
    await manager.query("SELECT 1");
    const destroying = bare.destroy();
    destroying.catch(() => undefined);
    setTimeout(go, 200);
    await gate;
  });
  await transaction.catch(() => undefined);
  writeSync(1, "bare: destroyed\n");

  const mine = await guardDataSource(new DataSource({ type, url })).initialize();
  let go2!: () => void;
  const gate2 = new Promise<void>((resolve) => (go2 = resolve));
  let destroying!: Promise<void>;
  const unit = runUnitOfWork(
    mine,
    async (manager) => {
      await manager.query("SELECT 1");
      destroying = mine.destroy();
      destroying.catch(() => undefined);
      setTimeout(go2, 200);
      await gate2;
    },
    { retries: 0 },
  );
  const [unitOutcome] = await Promise.allSettled([unit]);
  const [destroyOutcome] = await Promise.allSettled([destroying]);
  writeSync(1, `unit: ${unitOutcome.status}, destroy: ${destroyOutcome.status}\n`);
  process.exit(0);
}

void main(process.argv[2] as "postgres", process.argv[3] ?? "");
