import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { createScratchDatabase } from "../../test/support/scratch-database";
import { Letter } from "./letter";
import { inSequence, sharing, underMutex } from "./one-manager";
import { oneEach, oneEachFromPool } from "./own-managers";

type Way = (dataSource: DataSource, recipients: readonly string[]) => Promise<number[]>;
type Prepare = (dataSource: DataSource) => DataSource;

const bare: Prepare = (dataSource) => dataSource;
const guarded: Prepare = (dataSource) => guardDataSource(dataSource);
const watched: Prepare = (dataSource) => guardDataSource(dataSource, { overlap: "throw" });

const ways: readonly (readonly [name: string, way: Way, prepare: Prepare])[] = [
  ["one manager, in sequence", inSequence, bare],
  ["one manager, in parallel", sharing, bare],
  ["one manager, in parallel, watched", sharing, watched],
  ["one manager, under a mutex", underMutex, watched],
  ["one manager each, all at once", oneEach, guarded],
  ["one manager each, from the pool", oneEachFromPool, guarded],
];

const recipients = ["ann", "bob", "cleo", "dan", "eve", "fay", "gus", "hal"];

export async function main(database: DataSourceOptions): Promise<string[]> {
  const lines: string[] = [];
  for (const [name, way, prepare] of ways) {
    const dataSource = prepare(new DataSource({ ...database, entities: [Letter] }));
    await dataSource.initialize();
    await dataSource.synchronize(true);
    lines.push(`${name}: ${await endpoint(dataSource, way)}`);
    await dataSource.destroy();
    lines.push(`  ${await count(database)} of ${recipients.length} letters are stored`);
  }
  return lines;
}

/** Stores the letters, and answers with how many each of them has seen. */
async function endpoint(dataSource: DataSource, way: Way): Promise<string> {
  try {
    return `saw ${(await way(dataSource, recipients)).join(", ")}`;
  } catch (error) {
    return `failed, ${(error as Error).message}`;
  }
}

// By a connection of its own: whoever has failed may have left one in the middle of a transaction.
async function count(database: DataSourceOptions): Promise<number> {
  const looker = await new DataSource({ ...database, entities: [Letter] }).initialize();
  return looker.manager.count(Letter).finally(() => looker.destroy());
}

async function run(): Promise<void> {
  // SQLite has one connection: whoever asks for a manager of his own waits for it there, and nothing runs in parallel.
  const database = await createScratchDatabase("sqlite");
  try {
    console.log((await main(database.options)).join("\n"));
  } finally {
    await database.drop();
  }
}

if (require.main === module) void run();
