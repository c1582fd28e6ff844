import type { HeldLock, LockInfo } from "../errors/held-lock";
import type { StoredLease } from "./backends/lock-backend";
import type { ResolvedResource } from "./lock-resource";

type LockedEntity = Pick<ResolvedResource, "entityName" | "target" | "id">;

/** A lease as those are told of it who find an entity locked. */
export function lockInfo(lease: StoredLease): LockInfo {
  return Object.freeze({ ...commonInfo(lease), fencingToken: lease.fencingToken ?? 0 });
}

/** A lease as the one is told of it whom it keeps from an entity. */
export function heldLock({ entityName, id, target }: LockedEntity, lease: StoredLease): HeldLock {
  return Object.freeze({ entityName, target, id, ...commonInfo(lease), fencingToken: lease.fencingToken });
}

function commonInfo({
  expiresAt,
  operation,
  reason,
  since,
}: StoredLease): Pick<LockInfo, "operation" | "reason" | "since" | "expiresAt"> {
  return { operation, reason, since: new Date(since), expiresAt: new Date(expiresAt) };
}
