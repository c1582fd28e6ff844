import { setTimeout as sleep } from "node:timers/promises";
import type { QueryRunner } from "typeorm";
import { EntityLockedError } from "../errors/entity-locked-error";
import type { HeldLock } from "../errors/held-lock";
import type { WrittenRow } from "../metadata/written-row";
import type { Holding, LockBackend } from "./backends/lock-backend";
import { heldLock } from "./held-locks";
import { heldLeases } from "./holders";
import { rowLockKey } from "./resolve-resource";
import { writeVerdict } from "./write-verdict";

const runInLease = `This process holds the lock itself: write inside of registry.run() or lease.run(), by which the holder is known.`;

/**
 * See {@link LockRegistry.refuseLockedRows}.
 *
 * @param isHere whether a lease is held in this process.
 */
export async function refuseLockedRows(
  backend: LockBackend,
  isHere: (leaseId: string) => boolean,
  write: string,
  written: readonly WrittenRow[],
  queryRunner: QueryRunner,
): Promise<void> {
  const rows = new Map(written.flatMap((row) => entryOf(row)));
  const keys = [...rows.keys()];
  const own = heldLeases();
  // With a driver that never waits, a loop of writes would let no timer renew what they rely on.
  if (own.some(({ isOverdue }) => isOverdue)) await sleep(0);
  for (const lease of own) {
    if (lease.lost !== undefined && keys.some((key) => lease.holds(key))) throw lease.lost;
  }
  if (keys.length === 0) return;
  let held = await backend.holdings(keys, queryRunner);
  let verdict = writeVerdict(backend, keys, held, own);
  if (verdict.kind === "lost" && verdict.lease.lost === undefined) {
    // A transaction that reads as of its beginning does not see what was locked since.
    held = await backend.holdings(keys);
    verdict = writeVerdict(backend, keys, held, own);
  }
  switch (verdict.kind) {
    case "free":
      return;
    case "lost":
      throw verdict.lease.noteLost("were gone when one of its entities was to be written");
    case "locked": {
      const locks = verdict.keys.map((key) => {
        const { id, metadata } = rows.get(key) as WrittenRow;
        return heldLock(
          { entityName: metadata.name, target: metadata.target, id },
          (held.get(key) as Holding).lease,
        );
      });
      const isOurs = verdict.keys.every((key) => held.get(key)?.leaseIds.every(isHere));
      throw new EntityLockedError(write, locks as [HeldLock, ...HeldLock[]], isOurs ? runInLease : undefined);
    }
    default:
      return verdict satisfies never;
  }
}

function entryOf(row: WrittenRow): [string, WrittenRow][] {
  const key = rowLockKey(row.metadata, row.id);
  return key === undefined ? [] : [[key, row]];
}
