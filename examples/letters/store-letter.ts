import type { EntityManager } from "typeorm";
import { Letter } from "./letter";

/** Stores a letter. Returns how many there are now, as its manager sees it. */
export async function storeLetter(manager: EntityManager, recipient: string): Promise<number> {
  await manager.save(manager.create(Letter, { recipient }));
  return manager.count(Letter);
}
