import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import { EntityLockedError } from "../errors/entity-locked-error";
import type { HeldLock } from "../errors/held-lock";
import type { Holding, LockBackend } from "./backends/lock-backend";
import { heldLock } from "./held-locks";
import { heldLeases } from "./holders";
import { rowLockKey } from "./resolve-resource";
import { writeVerdict } from "./write-verdict";

/** A row that is about to be written. */
export interface WrittenRow {
  readonly metadata: EntityMetadata;
  readonly id: ObjectLiteral;
}

/** See {@link LockRegistry.refuseLockedRows}. */
export async function refuseLockedRows(
  backend: LockBackend,
  write: string,
  written: readonly WrittenRow[],
  queryRunner: QueryRunner,
): Promise<void> {
  const rows = new Map(written.flatMap((row) => entryOf(row)));
  const keys = [...rows.keys()];
  const own = heldLeases();
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
      throw new EntityLockedError(write, locks as [HeldLock, ...HeldLock[]]);
    }
    default:
      return verdict satisfies never;
  }
}

function entryOf(row: WrittenRow): [string, WrittenRow][] {
  const key = rowLockKey(row.metadata, row.id);
  return key === undefined ? [] : [[key, row]];
}
