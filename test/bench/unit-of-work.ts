import type { EntityManager } from "typeorm";
import { runUnitOfWork } from "typeorm-concurrency";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";

/** The same unit of work by another library, on the row with that id. */
export type PeerContender = (database: BenchDatabase, id: number) => Promise<Contender>;

/** Each contender finds one row, changes it and saves it, in one transaction. */
export function unitOfWork(peers: readonly PeerContender[]): Operation {
  return {
    key: "unit",
    name: "unit of work: find, change, save",
    entities: 1,
    weight: 1,
    async contenders(database) {
      await database.fill(2 + peers.length);
      const contenders = [bareTransaction(database, 1), guardedUnit(database, 2)];
      try {
        for (const [index, peer] of peers.entries()) contenders.push(await peer(database, 3 + index));
      } catch (error) {
        for (const contender of contenders) await contender.close?.();
        throw error;
      }
      return contenders;
    },
  };
}

function bareTransaction({ bare, options }: BenchDatabase, id: number): Contender {
  // SQLite has no such lock; it lets one transaction at a time write in any case.
  const lock = options.type === "better-sqlite3" ? undefined : ({ mode: "pessimistic_write" } as const);
  return {
    name: `bare TypeORM, ${lock?.mode ?? "transaction"}`,
    run: () =>
      bare.transaction(async (manager) => {
        const where = { id };
        await takeOne(manager, await manager.findOneOrFail(Item, lock ? { where, lock } : { where }));
      }),
  };
}

function guardedUnit({ guarded }: BenchDatabase, id: number): Contender {
  return {
    name: "guarded, runUnitOfWork",
    run: () =>
      runUnitOfWork(guarded, async (manager) =>
        takeOne(manager, await manager.findOneByOrFail(Item, { id })),
      ),
  };
}

async function takeOne(manager: EntityManager, item: Item): Promise<void> {
  item.stock -= 1;
  await manager.save(item);
}
