import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { LockBackend } from "./backends/lock-backend";
import type { Dependents } from "./dependents";

/** How a lock registry works. */
export interface LockRegistryOptions {
  /** Where the locks are kept: `memoryLocks()`, `databaseLocks()`, `redisLocks()`, `autoLocks()`, or one of your own. */
  readonly backend: LockBackend;
  /** What a change of some entities would also touch; locked with them. Default: nothing. */
  readonly dependents?: Dependents;
  /**
   * How long a lease lasts without being renewed, in milliseconds: as long as entities stay locked when the process of
   * their holder dies. An integer of at least 10. Default 30000.
   */
  readonly ttlMs?: number;
  /**
   * How often a lease is renewed while it is held, in milliseconds. Default a third of `ttlMs`. As much as that or more, or
   * Infinity: it is not renewed by itself, and ends after `ttlMs` unless it is extended.
   */
  readonly renewEveryMs?: number;
  /**
   * The DataSource that the entities are of. Default: those that are guarded with this registry, and the one that the
   * backend keeps the locks in. Without any, entities are known by what their decorators say and the default naming strategy.
   */
  readonly dataSource?: DataSource;
}

/** How entities are locked. */
export interface AcquireOptions {
  /**
   * Who locks, and what others are told: a string that nobody else uses, at most 190 characters. The same operation may
   * lock the same entities more than once, also from several processes.
   */
  readonly operation: string;
  /** Why, in words for people, at most 10000 characters. */
  readonly reason?: string;
  /**
   * How long to wait for entities that are locked, in milliseconds, or Infinity. Default 0: not at all. Those who wait for
   * the same entities get them in the order in which they came.
   */
  readonly waitMs?: number;
  /** As the registry's `ttlMs`, for this lease. Default: that. */
  readonly ttlMs?: number;
  /** Stops the wait when it is aborted. */
  readonly signal?: AbortSignal;
}

export interface LeaseTimes {
  readonly ttlMs: number;
  readonly renewEveryMs: number;
}

export interface ResolvedAcquireOptions extends LeaseTimes {
  readonly operation: string;
  readonly reason: string | undefined;
  readonly waitMs: number;
  readonly signal: AbortSignal | undefined;
}

const defaultTtlMs = 30_000;
const leastTtlMs = 10;
const longestOperation = 190;
const longestReason = 10_000;
const backendMethods = ["claim", "renew", "release", "holdings", "releaseOperation", "purgeExpired"] as const;

/** @throws GuardConfigurationError for an option out of its bounds. */
export function resolveLeaseTimes({
  backend,
  dependents,
  ttlMs,
  renewEveryMs,
}: LockRegistryOptions): LeaseTimes {
  if (
    !backendMethods.every(
      (method) => typeof (backend as Partial<LockBackend> | undefined)?.[method] === "function",
    )
  ) {
    throw new GuardConfigurationError(
      `"backend" must be a lock backend: memoryLocks(), databaseLocks(dataSource), redisLocks(client) or autoLocks({ … }).`,
    );
  }
  if (dependents !== undefined && typeof dependents !== "function") {
    throw new GuardConfigurationError(`"dependents" must be a function, not ${String(dependents)}.`);
  }
  return timesOf(ttlMs ?? defaultTtlMs, renewEveryMs);
}

/** @throws GuardConfigurationError for an option out of its bounds. */
export function resolveAcquireOptions(
  { operation, reason, waitMs = 0, ttlMs, signal }: Partial<AcquireOptions>,
  times: LeaseTimes,
): ResolvedAcquireOptions {
  refuseUnfitOperation(operation);
  if (reason !== undefined && (typeof reason !== "string" || !isFit(reason, longestReason))) {
    throw new GuardConfigurationError(
      `"reason" must be a string of at most ${longestReason} characters, without zero bytes.`,
    );
  }
  if (typeof waitMs !== "number" || !(waitMs >= 0)) {
    throw new GuardConfigurationError(
      `"waitMs" must be a number of milliseconds of at least 0, or Infinity, not ${String(waitMs)}.`,
    );
  }
  const own = ttlMs === undefined ? times : timesOf(ttlMs, (times.renewEveryMs / times.ttlMs) * ttlMs);
  return { operation, reason, waitMs, signal, ...own };
}

/** @throws GuardConfigurationError */
export function refuseUnfitOperation(operation: unknown): asserts operation is string {
  if (typeof operation === "string" && operation !== "" && isFit(operation, longestOperation)) return;
  throw new GuardConfigurationError(
    `"operation" must be a string of 1 to ${longestOperation} characters, without zero bytes, that says who locks.`,
  );
}

/** @throws GuardConfigurationError */
export function refuseUnfitTtl(ttlMs: unknown): asserts ttlMs is number {
  if (typeof ttlMs === "number" && Number.isInteger(ttlMs) && ttlMs >= leastTtlMs) return;
  throw new GuardConfigurationError(
    `"ttlMs" must be an integer of at least ${leastTtlMs} milliseconds, not ${String(ttlMs)}.`,
  );
}

function timesOf(ttlMs: number, renewEveryMs = ttlMs / 3): LeaseTimes {
  refuseUnfitTtl(ttlMs);
  if (typeof renewEveryMs !== "number" || !(renewEveryMs > 0)) {
    throw new GuardConfigurationError(
      `"renewEveryMs" must be more than 0 milliseconds, or Infinity, not ${String(renewEveryMs)}.`,
    );
  }
  return { ttlMs, renewEveryMs };
}

// What every backend can keep.
function isFit(text: string, longest: number): boolean {
  return text.length <= longest && !text.includes("\u0000");
}
