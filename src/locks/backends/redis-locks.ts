import { GuardConfigurationError } from "../../errors/guard-configuration-error";
import { LocksUnavailableError } from "../../errors/locks-unavailable-error";
import type { ClaimOutcome, Holding, LockBackend, LockClaim, StoredLease } from "./lock-backend";
import { commandsOf, type RedisClient, type SendCommand } from "./redis-client";
import {
  claimScript,
  holdingsScript,
  purgeScript,
  releaseOperationScript,
  releaseScript,
  renewScript,
  type RedisScript,
} from "./redis-scripts";
import { withinTime } from "./within-time";

/** How locks are kept in Redis. */
export interface RedisLocksOptions {
  /**
   * What the keys in Redis begin with. Registries with different prefixes do not see each other. Without braces: it becomes
   * the hash tag by which a Cluster keeps them together. Default `typeorm-concurrency`.
   */
  readonly prefix?: string;
  /** How long an answer is waited for, in milliseconds, before it is a LocksUnavailableError. Default 5000. */
  readonly timeoutMs?: number;
}

/**
 * Keeps locks in Redis 6.2 or later: one server, Sentinel, or a Cluster, of which one node then has all of them.
 *
 * @param client a connected client of the application, of `redis` 4 to 6 or `ioredis` 5. It stays the application's to close.
 * @throws GuardConfigurationError for what is no client, or a wrong option.
 */
export function redisLocks(client: RedisClient, options: RedisLocksOptions = {}): LockBackend {
  const { prefix = "typeorm-concurrency", timeoutMs = 5000 } = options;
  if (typeof prefix !== "string" || !/^[^{}]+$/.test(prefix)) {
    throw new GuardConfigurationError(`"prefix" must be a string without braces, of at least one character.`);
  }
  if (typeof timeoutMs !== "number" || !(timeoutMs > 0)) {
    throw new GuardConfigurationError(
      `"timeoutMs" must be more than 0 milliseconds, not ${String(timeoutMs)}.`,
    );
  }
  return new RedisLocks(commandsOf(client), `{${prefix}}`, timeoutMs);
}

type ToldLease = Record<"operation" | "since" | "expiresAt", string> &
  Record<"reason" | "fencingToken", string | false>;

class RedisLocks implements LockBackend {
  readonly name = "redis";

  constructor(
    private readonly send: SendCommand,
    private readonly base: string,
    private readonly timeoutMs: number,
  ) {}

  async claim({
    fencingToken = 0,
    keys,
    kind,
    leaseId,
    operation,
    queueMs = -1,
    reason,
    ttlMs,
  }: LockClaim): Promise<ClaimOutcome> {
    const hasReason = reason === undefined ? "0" : "1";
    const settings = [
      leaseId,
      operation,
      hasReason,
      reason ?? "",
      ...[ttlMs, kind, queueMs, fencingToken].map(String),
    ];
    const told = JSON.parse(String(await this.#run(claimScript, [...settings, ...keys]))) as
      | { readonly kind: "lost" }
      | { readonly kind: "granted"; readonly fencingToken: string }
      | {
          readonly kind: "blocked";
          readonly by: Record<string, string>;
          readonly leases: Record<string, ToldLease>;
        };
    switch (told.kind) {
      case "lost":
        return told;
      case "granted":
        return { kind: "granted", fencingToken: Number(told.fencingToken) };
      case "blocked":
        return {
          kind: "blocked",
          by: new Map(
            Object.entries(told.by).map(([key, id]) => [key, storedLease(told.leases[id] as ToldLease)]),
          ),
        };
      default:
        return told satisfies never;
    }
  }

  async renew(leaseId: string, ttlMs: number, fencingToken = 0): Promise<boolean> {
    return (await this.#run(renewScript, [leaseId, String(ttlMs), String(fencingToken)])) === 1;
  }

  async release(leaseId: string): Promise<boolean> {
    return (await this.#run(releaseScript, [leaseId])) === 1;
  }

  async holdings(keys: readonly string[]): Promise<ReadonlyMap<string, Holding>> {
    const { entities, leases } = JSON.parse(String(await this.#run(holdingsScript, keys))) as {
      readonly entities: Record<string, string[]>;
      readonly leases: Record<string, ToldLease>;
    };
    return new Map(
      Object.entries(entities).map(([key, leaseIds]) => {
        const [lease] = leaseIds
          .map((id) => storedLease(leases[id] as ToldLease))
          .sort((left, right) => left.since - right.since);
        return [key, { lease: lease as StoredLease, leaseIds }];
      }),
    );
  }

  async releaseOperation(operation: string): Promise<number> {
    return Number(await this.#run(releaseOperationScript, [operation]));
  }

  async purgeExpired(): Promise<number> {
    let purged = 0;
    for (;;) {
      const some = Number(await this.#run(purgeScript, []));
      purged += some;
      if (some === 0) return purged;
    }
  }

  async #run({ sha, source }: RedisScript, parameters: readonly string[]): Promise<unknown> {
    const evaluate = (command: string, which: string): Promise<unknown> =>
      this.send([command, which, "1", this.base, ...parameters], this.base);
    try {
      return await withinTime(this.timeoutMs, async (isLate) => {
        try {
          return await evaluate("EVALSHA", sha);
        } catch (error) {
          // What nobody waits for any more has been given up, and must not be done after that.
          if (isLate() || !String((error as Partial<Error>)?.message).startsWith("NOSCRIPT")) throw error;
          return evaluate("EVAL", source);
        }
      });
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      throw new LocksUnavailableError("redis", `Redis failed with: ${message}`, error);
    }
  }
}

function storedLease({ expiresAt, fencingToken, operation, reason, since }: ToldLease): StoredLease {
  return {
    operation,
    reason: reason === false ? undefined : reason,
    since: Number(since),
    expiresAt: Number(expiresAt),
    fencingToken: fencingToken === false ? undefined : Number(fencingToken),
  };
}
