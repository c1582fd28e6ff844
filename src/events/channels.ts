import { channel } from "node:diagnostics_channel";
import type { DataSource } from "typeorm";

/** `typeorm-concurrency:conflict`: a write was refused. */
export interface ConflictEvent {
  readonly dataSource: DataSource;
  /** An OptimisticLockError. */
  readonly error: Error;
}

/** `typeorm-concurrency:retry`: a unit of work has failed and will be run again. */
export interface RetryEvent {
  readonly dataSource: DataSource;
  /** The number of the run that failed, from 1. */
  readonly attempt: number;
  /** How long is waited before the next run. */
  readonly delayMs: number;
  /** `conflict`, the kind of the database's failure, or `asked` where only `shouldRetry` wanted it. */
  readonly reason: string;
  readonly error: unknown;
}

/** `typeorm-concurrency:gave-up`: a unit of work has no runs left. */
export interface GaveUpEvent {
  readonly dataSource: DataSource;
  readonly attempts: number;
  readonly elapsedMs: number;
  /** What the last run failed with. */
  readonly error: unknown;
}

/** `typeorm-concurrency:unit`: a unit of work has ended. */
export interface UnitEvent {
  readonly dataSource: DataSource;
  readonly attempts: number;
  readonly elapsedMs: number;
  readonly outcome: "committed" | "failed" | "unknown";
}

/** `typeorm-concurrency:lock`: something has happened to locks over sets of entities. */
export interface LockEvent {
  /**
   * `acquired`, `added`, `released`: a lease, or more for one. `waiting`: somebody waits for entities that are locked.
   * `refused`: of entities that are locked. `renewal-failed`: it will be tried again. `lost`: a lease ended without being
   * released. `release-failed`: it will end by itself. `write-refused`: by the guard. `operation-released`, `purged`: by
   * an operator. `backend-chosen`: by `autoLocks`.
   */
  readonly event:
    | "acquired"
    | "added"
    | "waiting"
    | "refused"
    | "released"
    | "renewal-failed"
    | "lost"
    | "release-failed"
    | "write-refused"
    | "operation-released"
    | "purged"
    | "backend-chosen";
  /** `memory`, `database`, `redis`. */
  readonly backend: string;
  /** Who holds, waits or was refused; undefined where it is about nobody in particular. */
  readonly operation: string | undefined;
  /** How many entities it is about; of `operation-released` and `purged`, how many leases. */
  readonly entities: number;
  /** Of the lease, if there is one. */
  readonly fencingToken: number | undefined;
  /** Since `acquire` was called; undefined for everything else. */
  readonly elapsedMs?: number;
  readonly error: unknown;
}

interface Events {
  readonly conflict: ConflictEvent;
  readonly retry: RetryEvent;
  readonly "gave-up": GaveUpEvent;
  readonly unit: UnitEvent;
  readonly lock: LockEvent;
}

const channels = {
  conflict: channel("typeorm-concurrency:conflict"),
  retry: channel("typeorm-concurrency:retry"),
  "gave-up": channel("typeorm-concurrency:gave-up"),
  unit: channel("typeorm-concurrency:unit"),
  lock: channel("typeorm-concurrency:lock"),
} as const satisfies Record<keyof Events, unknown>;

/** Tells whoever listens on a channel of Node's `diagnostics_channel`. Costs nothing while nobody does. */
export function publish<Name extends keyof Events>(name: Name, event: () => Events[Name]): void {
  if (channels[name].hasSubscribers) channels[name].publish(Object.freeze(event()));
}
