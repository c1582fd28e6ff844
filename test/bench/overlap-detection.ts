import { DataSource, type EntityManager } from "typeorm";
import { guardDataSource, type GuardOptions } from "typeorm-concurrency";
import type { BenchDatabase } from "./bench-database";
import { Item } from "./item";
import type { Contender, Operation } from "./operation";

const callsInRound = 20;

/** What it costs to look for overlaps: twenty calls, outside of transactions and in one. */
export const overlapDetection: readonly Operation[] = [
  {
    name: `${callsInRound} finds of 1 entity`,
    entities: callsInRound,
    weight: 4,
    contenders: (database) =>
      contendersOf(database, async ({ manager }) => {
        for (let id = 1; id <= callsInRound; id++) await manager.findOneBy(Item, { id });
      }),
  },
  {
    name: `transaction of ${callsInRound} finds and saves`,
    entities: callsInRound,
    weight: 8,
    contenders: (database) =>
      contendersOf(database, (dataSource) => dataSource.transaction(takeFromEach), { isWriting: true }),
  },
];

async function takeFromEach(manager: EntityManager): Promise<void> {
  for (let id = 1; id <= callsInRound; id++) {
    const item = await manager.findOneByOrFail(Item, { id });
    item.stock -= 1;
    await manager.save(item);
  }
}

async function contendersOf(
  database: BenchDatabase,
  work: (dataSource: DataSource) => Promise<void>,
  { isWriting = false } = {},
): Promise<Contender[]> {
  await database.fill(callsInRound);
  const contenders: Contender[] = [
    { name: isWriting ? "bare TypeORM, nothing refused" : "bare TypeORM", run: () => work(database.bare) },
  ];
  for (const overlap of ["off", "warn", "throw"] as const) {
    const dataSource = await connect(database, overlap);
    contenders.push({
      name: `guarded, overlap: "${overlap}"`,
      run: () => work(dataSource),
      close: () => dataSource.destroy(),
    });
  }
  return contenders;
}

function connect(
  { counter, options }: BenchDatabase,
  overlap: NonNullable<GuardOptions["overlap"]>,
): Promise<DataSource> {
  const dataSource = new DataSource({ ...options, entities: [Item], logging: true, logger: counter });
  return guardDataSource(dataSource, { overlap }).initialize();
}
