import type { DataSource, QueryRunner } from "typeorm";

/** What is asked for: all of `keys` or none of them. */
export interface LockClaim {
  /** Unique for ever. */
  readonly leaseId: string;
  readonly operation: string;
  readonly reason: string | undefined;
  /** The resources, each once. */
  readonly keys: readonly string[];
  /** How long the lease lasts from now, by the backend's clock. */
  readonly ttlMs: number;
  /** `lease`: a new one. `addition`: more keys for a lease that is held. */
  readonly kind: "lease" | "addition";
  /** The last one of the lease that is added to, as in `renew`. */
  readonly fencingToken?: number;
  /** Keeps a place in the queue for this long when the keys are not free; undefined for a caller that does not wait (longer). */
  readonly queueMs: number | undefined;
  /** Whether it has a place in the queue already, by an earlier claim with the same `leaseId` and keys. */
  readonly isQueued: boolean;
}

/** A lease as the backend has it. */
export interface StoredLease {
  readonly operation: string;
  readonly reason: string | undefined;
  /** Milliseconds since 1970, by the backend's clock. */
  readonly since: number;
  readonly expiresAt: number;
  /** Undefined while it waits. */
  readonly fencingToken: number | undefined;
}

export type ClaimOutcome =
  | { readonly kind: "granted"; readonly fencingToken: number }
  /** Key to the lease, of another operation, that keeps it from being granted. May be empty for one that goes on waiting. */
  | { readonly kind: "blocked"; readonly by: ReadonlyMap<string, StoredLease> }
  /** There is no such lease any more to add keys to. */
  | { readonly kind: "lost" };

/** What is held under a key: all of it by one operation. */
export interface Holding {
  /** The oldest lease. */
  readonly lease: StoredLease;
  /** Every lease of the operation that has the key. */
  readonly leaseIds: readonly string[];
}

/**
 * Where locks are kept. Each method is atomic, and goes by the backend's own clock: a lease that has expired is as if it
 * were not there.
 *
 * A key is held by the leases of one operation at a time. A claim is granted when no lease of another operation holds one
 * of its keys, and none that came before it and still waits wants one; the latter does not count for an operation that
 * holds something already, since those who wait may wait for that. A fencing token is given with every grant, each higher
 * than all before it.
 */
export interface LockBackend {
  /** For messages and events: `memory`, `database`, `redis`. */
  readonly name: string;
  /** The DataSource that it keeps the locks in, if it does. */
  readonly dataSource?: DataSource;
  claim(claim: LockClaim): Promise<ClaimOutcome>;
  /**
   * Lets a lease last `ttlMs` from now; false when there is no such lease any more.
   *
   * @param fencingToken the last one of the lease. Where the backend knows only of an earlier one, it has come back with
   * older data, in which something is not held that was added since: then there is no such lease either.
   */
  renew(leaseId: string, ttlMs: number, fencingToken?: number): Promise<boolean>;
  /** Gives up a lease, or its place in the queue, and nothing of anybody else's; false when there was none. */
  release(leaseId: string): Promise<boolean>;
  /**
   * What is held of these keys, in one round trip.
   *
   * @param queryRunner one whose transaction asks, which a backend in the same database answers in.
   */
  holdings(keys: readonly string[], queryRunner?: QueryRunner): Promise<ReadonlyMap<string, Holding>>;
  /** Gives up all leases of an operation, and its places in the queue; returns how many. */
  releaseOperation(operation: string): Promise<number>;
  /** Removes what has expired; returns how many leases that were. */
  purgeExpired(): Promise<number>;
}
