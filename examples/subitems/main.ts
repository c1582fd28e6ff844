import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Playlist } from "./playlist";
import { addStar, addTrack, pushTrack } from "./tasks";
import { Track } from "./track";
import { inParallel, inSequence, transactions, type Way } from "./ways";

const inMemory: DataSourceOptions = { type: "better-sqlite3", database: ":memory:" };

/** @param added how many tracks are put on the playlist besides the first fifteen. */
export async function main(database = inMemory, added = 85): Promise<string[]> {
  const open = (): DataSource =>
    new DataSource({ ...database, entities: [Playlist, Track], synchronize: true, dropSchema: true });
  const lines: string[] = [];
  for (const [name, way, dataSource] of [
    ["bare TypeORM", transactions, open()],
    ["runParallel", inParallel, guardDataSource(open())],
    ["runParallel, one at a time", inSequence, guardDataSource(open())],
  ] as const) {
    await dataSource.initialize();
    lines.push(`${name}: ${await fillAndRate(dataSource, way, added)}`);
    await dataSource.destroy();
  }
  return lines;
}

/** Puts tracks on a playlist in two ways. Then each gets two stars, one from ann and one from bob. */
async function fillAndRate(dataSource: DataSource, way: Way, added: number): Promise<string> {
  await dataSource.manager.insert(Playlist, { id: 1 });
  const pushedTitles = titles("pushed", 15);
  const addedTitles = titles("added", added);
  const all = [...pushedTitles, ...addedTitles];
  const started = performance.now();
  await way(dataSource, pushedTitles, pushTrack);
  await way(dataSource, addedTitles, addTrack);
  await way(dataSource, [...all, ...all].sort(), addStar);
  const tookMs = performance.now() - started;

  const tracks = await dataSource.manager.findBy(Track, { playlist: { id: 1 } });
  const found = (wanted: readonly string[]): string =>
    `${wanted.filter((title) => tracks.some((track) => track.title === title)).length} of ${wanted.length}`;
  const stars = tracks.reduce((sum, track) => sum + track.stars, 0);
  return [
    `${found(pushedTitles)} pushed tracks are on the playlist`,
    `${found(addedTitles)} added ones`,
    `${stars} of ${2 * all.length} stars`,
    `${tookMs.toFixed(0)} ms`,
  ].join(", ");
}

function titles(prefix: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${prefix} ${index}`);
}

if (require.main === module) void main().then((lines) => console.log(lines.join("\n")));
