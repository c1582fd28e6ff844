import type { LockResource } from "./lock-resource";

/**
 * Entities that an operation holds. It is renewed by itself until it is released; when the process dies, it ends after its
 * `ttlMs`.
 */
export interface Lease {
  readonly operation: string;
  /**
   * Higher than that of every lease that was granted before, of whatever entities. It grows with `add`, so read it when you
   * use it: a store that keeps the highest one it has seen can refuse the writes of a holder that has lost its lease and
   * does not know yet.
   */
  readonly fencingToken: number;
  /** What is held, dependents included, each row once. Grows with `add`. */
  readonly resources: readonly LockResource[];
  /** Aborts, with a LeaseLostError as its reason, when the lease is lost; not when it is released. */
  readonly signal: AbortSignal;
  /**
   * Holds more entities, and what depends on them: all of them or none. It does not wait.
   *
   * @throws EntityLockedError, LeaseLostError, LocksUnavailableError, GuardConfigurationError for what is no entity.
   */
  add(resources: Iterable<LockResource>): Promise<void>;
  /**
   * Makes the lease last at least this long from now, for a stretch in which it cannot be renewed.
   *
   * @param ttlMs in milliseconds, an integer of at least 10. Default the lease's own.
   * @throws LeaseLostError, LocksUnavailableError
   */
  extend(ttlMs?: number): Promise<void>;
  /**
   * Lets go of everything, at once. Safe to call twice, and when the lease was lost: what others hold by now stays theirs.
   *
   * @throws LocksUnavailableError when the backend cannot be told; the lease is not renewed any more, and ends by itself,
   * or when it is released again.
   */
  release(): Promise<void>;
  /** Runs `work`, and all that it calls, as the holder, so that its writes of these entities pass the guard. */
  run<T>(work: () => Promise<T>): Promise<T>;
}
