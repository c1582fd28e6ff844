import type { DataSource, EntityTarget, ObjectLiteral, QueryRunner } from "typeorm";
import type { LockInfo } from "../errors/held-lock";
import type { WrittenRow } from "../metadata/written-row";
import type { Lease } from "./lease";
import type { AcquireOptions } from "./lock-options";
import type { LockResource } from "./lock-resource";

/** Locks over sets of entities, for long jobs. */
export interface LockRegistry {
  /**
   * Locks entities, and what depends on them: all of them or none, whoever else wants some of them meanwhile.
   *
   * Acquire before you open a transaction: the locks are taken on a connection of their own, and are there for others at
   * once. What is written by the holder is written inside of {@link Lease.run}.
   *
   * @throws EntityLockedError when some are locked by another operation and, with `waitMs`, still are after that time;
   * LocksUnavailableError; the signal's reason; GuardConfigurationError for a wrong option or for what is no entity.
   */
  acquire(resources: Iterable<LockResource>, options: AcquireOptions): Promise<Lease>;
  /**
   * Locks entities as {@link acquire} does, runs `work` as their holder, and lets go of them, also when it fails.
   *
   * @returns what `work` returns.
   * @throws what acquire throws, what `work` throws, and LeaseLostError when the lease was lost before `work` ended.
   */
  run<T>(
    resources: Iterable<LockResource>,
    options: AcquireOptions,
    work: (lease: Lease) => Promise<T>,
  ): Promise<T>;
  /**
   * What of these rows is locked, for a list page, in one round trip.
   *
   * @param ids as in a `LockReference`.
   * @returns a Map from those of `ids` that are locked.
   * @throws LocksUnavailableError
   */
  lockedIds<I>(target: EntityTarget<ObjectLiteral>, ids: Iterable<I>): Promise<Map<I, LockInfo>>;
  /** Who holds an entity; undefined when nobody does. */
  holderOf(resource: LockResource): Promise<LockInfo | undefined>;
  /**
   * Takes everything from an operation that does not end by itself. Its leases are lost: their signals abort when they are
   * renewed next, at once in this process, and its writes are refused.
   *
   * @returns how many leases that were, those included that waited.
   */
  releaseOperation(operation: string): Promise<number>;
  /**
   * Removes what holders have left that have died. Nobody needs it to acquire what has expired.
   *
   * @returns how many leases that were.
   */
  purgeExpired(): Promise<number>;
  /**
   * Knows the entities of one more DataSource. `guardDataSource(dataSource, { locks })` calls it.
   *
   * @returns forgets it again.
   */
  bind(dataSource: DataSource): () => void;
  /**
   * Refuses a write of rows that are locked by another operation than those which the running code holds. The guard calls
   * it, before the first statement of a save.
   *
   * @param write what it is, for the error: `a save`.
   * @param queryRunner the one that will write, in whose transaction locks are looked up that are in the same database.
   * @throws EntityLockedError, LocksUnavailableError; LeaseLostError for rows of a lease that the running code has lost.
   */
  refuseLockedRows(write: string, rows: readonly WrittenRow[], queryRunner: QueryRunner): Promise<void>;
}
