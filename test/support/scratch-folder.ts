import { accessSync, constants, mkdtempSync, statfsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

const memory = "/dev/shm";
const enough = 1024 ** 3;

/**
 * Makes a folder for data that nobody keeps, in memory if this machine has such a place with room in it. The tests create
 * and drop hundreds of databases, each of hundreds of files, which takes a disk more time than what is done in them.
 */
export function makeScratchFolder(prefix: string): string {
  return mkdtempSync(join(hasRoomInMemory() ? memory : tmpdir(), prefix));
}

function hasRoomInMemory(): boolean {
  try {
    accessSync(memory, constants.W_OK);
    const { bavail, bsize } = statfsSync(memory);
    return bavail * bsize > enough;
  } catch {
    return false;
  }
}
