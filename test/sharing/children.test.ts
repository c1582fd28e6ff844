import type { DataSource } from "typeorm";
import { runParallel } from "typeorm-concurrency";
import { Playlist } from "../../examples/subitems/playlist";
import { addStar, addTrack, pushTrack } from "../../examples/subitems/tasks";
import { Track } from "../../examples/subitems/track";
import { eachDatabase } from "../support/databases";
import { numbers, openGuarded } from "./support";

const repeats = Number(process.env["SHARING_REPEATS"] ?? 1);
const retrying = { retries: Infinity, minDelayMs: 2, maxDelayMs: 50 };

eachDatabase((scratch) => {
  let dataSource: DataSource;

  beforeAll(async () => {
    dataSource = await openGuarded(scratch(), [Playlist, Track], { poolSize: 5 });
  });
  beforeEach(async () => {
    await dataSource.createQueryBuilder().delete().from(Track).execute();
    await dataSource.createQueryBuilder().delete().from(Playlist).execute();
    await dataSource.manager.insert(Playlist, { id: 1 });
  });

  const titles = (count: number): string[] => numbers(count).map((number) => `track ${number}`);
  const onPlaylist = async (): Promise<string[]> =>
    (await dataSource.manager.findBy(Track, { playlist: { id: 1 } })).map(({ title }) => title);

  it.each(numbers(repeats))(
    "has all of fifteen children that tasks push at once, each through the parent (round %i)",
    async () => {
      await runParallel(dataSource, titles(15), pushTrack, retrying);
      expect((await onPlaylist()).sort()).toEqual(titles(15).sort());
      expect(await dataSource.manager.count(Track)).toBe(15);
      expect(await dataSource.manager.findOneBy(Playlist, { id: 1 })).toMatchObject({ version: 16 });
    },
  );

  it("has all of a hundred children that tasks add at once, and every edit of each", async () => {
    await runParallel(dataSource, titles(100), addTrack, retrying);
    expect((await onPlaylist()).sort()).toEqual(titles(100).sort());
    await runParallel(dataSource, titles(100), addStar, retrying);
    expect(await dataSource.manager.countBy(Track, { stars: 1, version: 2 })).toBe(100);
    // Who loads a child alone, without its foreign key, does not touch the parent.
    expect(await dataSource.manager.findOneBy(Playlist, { id: 1 })).toMatchObject({ version: 101 });
  });
});
