import { AsyncLocalStorage } from "node:async_hooks";
import type { LeaseLostError } from "../errors/lease-lost-error";
import type { LockBackend } from "./backends/lock-backend";

/** What is asked of a lease by those who want to know whether a write is its holder's. */
export interface HolderLease {
  readonly id: string;
  readonly operation: string;
  /** Where it is kept. */
  readonly backend: LockBackend;
  readonly isReleased: boolean;
  /** Whether it should have been renewed already. */
  readonly isOverdue: boolean;
  /** Why it was lost, if it was. */
  readonly lost: LeaseLostError | undefined;
  holds(key: string): boolean;
  /** Ends it, because somebody has found it gone. */
  noteLost(how: string): LeaseLostError;
}

interface Holder {
  readonly lease: HolderLease;
  readonly outer: Holder | undefined;
}

// Costs nothing in a process that never holds a lease.
const holders = new AsyncLocalStorage<Holder>();

/** Runs `work`, and all that it calls, as the holder of a lease, and of those around it. */
export async function runHolding<T>(lease: HolderLease, work: () => Promise<T>): Promise<T> {
  return holders.run({ lease, outer: holders.getStore() }, work);
}

/** The leases that the running code is the holder of, innermost first; not those that were released. */
export function heldLeases(): HolderLease[] {
  const leases: HolderLease[] = [];
  for (let holder = holders.getStore(); holder !== undefined; holder = holder.outer) {
    if (!holder.lease.isReleased) leases.push(holder.lease);
  }
  return leases;
}
