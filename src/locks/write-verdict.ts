import type { Holding, LockBackend } from "./backends/lock-backend";
import type { HolderLease } from "./holders";

/** What is to become of a write. */
export type WriteVerdict =
  | { readonly kind: "free" }
  /** The running code has lost a lease on one of the rows. */
  | { readonly kind: "lost"; readonly lease: HolderLease }
  /** These rows are held by another operation. */
  | { readonly kind: "locked"; readonly keys: readonly string[] };

/**
 * Whether rows may be written.
 *
 * @param backend the one that was asked; of leases that are kept elsewhere it knows nothing.
 * @param held what the backend says is held of them.
 * @param own the leases that the running code is the holder of.
 */
export function writeVerdict(
  backend: LockBackend,
  keys: readonly string[],
  held: ReadonlyMap<string, Holding>,
  own: readonly HolderLease[],
): WriteVerdict {
  const lost = own.find(
    (lease) =>
      lease.backend === backend &&
      keys.some((key) => lease.holds(key) && held.get(key)?.leaseIds.includes(lease.id) !== true),
  );
  if (lost !== undefined) return { kind: "lost", lease: lost };
  const operations = new Set(own.map(({ operation }) => operation));
  const locked = keys.filter((key) => {
    const holding = held.get(key);
    return holding !== undefined && !operations.has(holding.lease.operation);
  });
  return locked.length > 0 ? { kind: "locked", keys: locked } : { kind: "free" };
}
