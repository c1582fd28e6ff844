import type { ClaimOutcome, Holding, LockBackend, LockClaim, StoredLease } from "./lock-backend";

interface Lease {
  readonly id: string;
  readonly operation: string;
  readonly reason: string | undefined;
  readonly keys: Set<string>;
  /** Its place in the order of arrival. */
  readonly ticket: number;
  since: number;
  expiresAt: number;
  fencingToken: number | undefined;
}

const leasesBeforeFirstSweep = 64;

/**
 * Keeps locks in the memory of the process: for tests, and for applications that are one process. Others do not see
 * them, and they are gone with the process.
 */
export function memoryLocks(): LockBackend {
  const locks = new MemoryLocks();
  return {
    name: "memory",
    claim: (claim) => Promise.resolve(locks.claim(claim)),
    renew: (leaseId, ttlMs, fencingToken) => Promise.resolve(locks.renew(leaseId, ttlMs, fencingToken)),
    release: (leaseId) => Promise.resolve(locks.release(leaseId)),
    holdings: (keys) => Promise.resolve(locks.holdings(keys)),
    releaseOperation: (operation) => Promise.resolve(locks.releaseOperation(operation)),
    purgeExpired: () => Promise.resolve(locks.purgeExpired()),
  };
}

class MemoryLocks {
  readonly #leases = new Map<string, Lease>();
  readonly #byKey = new Map<string, Set<Lease>>();
  #lastToken = 0;
  #sweepAt = leasesBeforeFirstSweep;

  claim(claim: LockClaim): ClaimOutcome {
    const { fencingToken, keys, kind, leaseId, operation, queueMs, reason, ttlMs } = claim;
    const now = nowMs();
    this.#sweepWhenGrown(now);
    const own = this.#live(leaseId, now);
    if (kind === "addition" && !isUpToDate(own, fencingToken)) return { kind: "lost" };
    const ticket = own?.ticket ?? Infinity;
    const by = this.#blockersOf(keys, operation, ticket, now);
    const token = this.#nextToken();
    if (by.size > 0 && queueMs === undefined) return { kind: "blocked", by };
    const lease =
      own ??
      this.#add({
        id: leaseId,
        operation,
        reason,
        keys: new Set(),
        ticket: token,
        since: now,
        expiresAt: 0,
        fencingToken: undefined,
      });
    this.#addKeys(lease, keys);
    if (by.size > 0) {
      lease.expiresAt = now + (queueMs ?? 0);
      return { kind: "blocked", by };
    }
    const isWaiting = lease.fencingToken === undefined;
    if (isWaiting) lease.since = now;
    lease.fencingToken = token;
    lease.expiresAt = Math.max(isWaiting ? 0 : lease.expiresAt, now + ttlMs);
    return { kind: "granted", fencingToken: token };
  }

  renew(leaseId: string, ttlMs: number, fencingToken: number | undefined): boolean {
    const now = nowMs();
    const lease = this.#live(leaseId, now);
    if (!isUpToDate(lease, fencingToken)) return false;
    lease.expiresAt = Math.max(lease.expiresAt, now + ttlMs);
    return true;
  }

  release(leaseId: string): boolean {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined) return false;
    this.#remove(lease);
    return lease.expiresAt > nowMs();
  }

  holdings(keys: readonly string[]): ReadonlyMap<string, Holding> {
    const now = nowMs();
    const held = new Map<string, Holding>();
    for (const key of keys) {
      const leases = [...(this.#byKey.get(key) ?? [])].filter((lease) => isLive(lease, now) && isHeld(lease));
      const [lease] = leases.sort((left, right) => left.since - right.since);
      if (lease !== undefined) held.set(key, { lease: stored(lease), leaseIds: leases.map(({ id }) => id) });
    }
    return held;
  }

  releaseOperation(operation: string): number {
    return this.#removeWhere((lease) => lease.operation === operation);
  }

  purgeExpired(): number {
    const now = nowMs();
    return this.#removeWhere((lease) => !isLive(lease, now));
  }

  #live(leaseId: string, now: number): Lease | undefined {
    const lease = this.#leases.get(leaseId);
    if (lease === undefined || isLive(lease, now)) return lease;
    this.#remove(lease);
    return undefined;
  }

  #blockersOf(
    keys: readonly string[],
    operation: string,
    ticket: number,
    now: number,
  ): Map<string, StoredLease> {
    const by = new Map<string, StoredLease>();
    let mayOvertake: boolean | undefined;
    for (const key of keys) {
      for (const lease of this.#byKey.get(key) ?? []) {
        if (lease.operation === operation || !isLive(lease, now)) continue;
        if (!isHeld(lease)) {
          mayOvertake ??= this.#holdsSomething(operation, now);
          if (mayOvertake || lease.ticket > ticket) continue;
        }
        // Who holds it says more than who waits for it.
        if (!by.has(key) || isHeld(lease)) by.set(key, stored(lease));
      }
    }
    return by;
  }

  #holdsSomething(operation: string, now: number): boolean {
    return [...this.#leases.values()].some(
      (lease) => lease.operation === operation && isHeld(lease) && isLive(lease, now),
    );
  }

  #add(lease: Lease): Lease {
    this.#leases.set(lease.id, lease);
    return lease;
  }

  #addKeys(lease: Lease, keys: readonly string[]): void {
    for (const key of keys) {
      lease.keys.add(key);
      const leases = this.#byKey.get(key) ?? new Set();
      this.#byKey.set(key, leases.add(lease));
    }
  }

  #remove(lease: Lease): void {
    this.#leases.delete(lease.id);
    for (const key of lease.keys) {
      const leases = this.#byKey.get(key);
      leases?.delete(lease);
      if (leases?.size === 0) this.#byKey.delete(key);
    }
  }

  #removeWhere(condition: (lease: Lease) => boolean): number {
    const removed = [...this.#leases.values()].filter(condition);
    for (const lease of removed) this.#remove(lease);
    return removed.length;
  }

  // Leases of holders that have died would stay for ever.
  #sweepWhenGrown(now: number): void {
    if (this.#leases.size < this.#sweepAt) return;
    this.#removeWhere((lease) => !isLive(lease, now));
    this.#sweepAt = Math.max(leasesBeforeFirstSweep, 2 * this.#leases.size);
  }

  // By the clock, in microseconds, so that it grows over restarts of the process too.
  #nextToken(): number {
    this.#lastToken = Math.max(this.#lastToken + 1, Math.floor(nowMs() * 1000));
    return this.#lastToken;
  }
}

// A clock that cannot be set while the process runs.
function nowMs(): number {
  return performance.timeOrigin + performance.now();
}

function isLive({ expiresAt }: Lease, now: number): boolean {
  return expiresAt > now;
}

function isHeld({ fencingToken }: Lease): boolean {
  return fencingToken !== undefined;
}

function isUpToDate(lease: Lease | undefined, fencingToken = 0): lease is Lease {
  return lease?.fencingToken !== undefined && lease.fencingToken >= fencingToken;
}

function stored({ expiresAt, fencingToken, operation, reason, since }: Lease): StoredLease {
  return { operation, reason, since, expiresAt, fencingToken };
}
