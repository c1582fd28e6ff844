import type { EntityManager } from "typeorm";
import { Playlist } from "./playlist";
import { Track } from "./track";

/** What is done with one track, by a manager of its own. */
export type Task = (title: string, manager: EntityManager) => Promise<unknown>;

/** Loads the playlist with all of its tracks, and saves it with one more. */
export const pushTrack: Task = async (title, manager) => {
  const playlist = await manager.findOneOrFail(Playlist, { where: { id: 1 }, relations: { tracks: true } });
  playlist.tracks.push(manager.create(Track, { title }));
  await manager.save(playlist);
};

/** Puts a track on the playlist without loading the others. */
export const addTrack: Task = (title, manager) =>
  manager.save(manager.create(Track, { title, playlist: { id: 1 } }));

/** Gives one star more to a track. */
export const addStar: Task = async (title, manager) => {
  const track = await manager.findOneByOrFail(Track, { title });
  track.stars += 1;
  await manager.save(track);
};
