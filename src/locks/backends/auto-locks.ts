import type { DataSource, QueryRunner } from "typeorm";
import { publish } from "../../events/channels";
import { databaseLocks } from "./database-locks";
import type { ClaimOutcome, Holding, LockBackend, LockClaim } from "./lock-backend";
import { commandsOf, type RedisClient } from "./redis-client";
import { redisLocks, type RedisLocksOptions } from "./redis-locks";
import { withinTime } from "./within-time";

/** Where `autoLocks` may keep locks. */
export interface AutoLocksOptions extends RedisLocksOptions {
  /** The application's client, if it has one. */
  readonly redis?: RedisClient | undefined;
  /** Keeps the locks when Redis does not answer, or is not there; see `databaseLocks()`. */
  readonly dataSource: DataSource;
}

/** A backend that is chosen when it is first needed. */
export interface AutoLocks extends LockBackend {
  /** Which one it is; chooses now if nobody has asked before. */
  chosen(): Promise<"redis" | "database">;
}

const pingTimeoutMs = 1000;

/**
 * Keeps locks in Redis if it answers a PING within a second when locks are first needed, and in the database if not. It
 * chooses once: what fails later is a LocksUnavailableError, never a reason to look elsewhere. The process warns when there
 * is a client and it does not answer, since processes that have chosen differently do not exclude each other.
 *
 * @throws GuardConfigurationError for what is no client, a wrong option, or a database that cannot keep locks.
 */
export function autoLocks({ dataSource, redis, ...options }: AutoLocksOptions): AutoLocks {
  const inDatabase = databaseLocks(dataSource);
  if (redis === undefined) return new ChosenLocks(dataSource, () => Promise.resolve(inDatabase));
  const send = commandsOf(redis);
  const inRedis = redisLocks(redis, options);
  return new ChosenLocks(dataSource, async () => {
    try {
      await withinTime(pingTimeoutMs, () => send(["PING"]));
      return inRedis;
    } catch (error) {
      process.emitWarning(
        `Locks are kept in the database, since Redis does not answer (${String(error)}). Processes that keep them in Redis do ` +
          `not see them, and this one keeps them in the database until it ends.`,
        { type: "TypeormConcurrencyWarning" },
      );
      return inDatabase;
    }
  });
}

class ChosenLocks implements AutoLocks {
  #choice: Promise<LockBackend> | undefined;
  #chosen: LockBackend | undefined;

  constructor(
    readonly dataSource: DataSource,
    private readonly choose: () => Promise<LockBackend>,
  ) {}

  /** `undecided` before it is first needed. */
  get name(): string {
    return this.#chosen?.name ?? "undecided";
  }

  async chosen(): Promise<"redis" | "database"> {
    return (await this.#backend()).name as "redis" | "database";
  }

  async claim(claim: LockClaim): Promise<ClaimOutcome> {
    return (await this.#backend()).claim(claim);
  }

  async renew(leaseId: string, ttlMs: number, fencingToken?: number): Promise<boolean> {
    return (await this.#backend()).renew(leaseId, ttlMs, fencingToken);
  }

  async release(leaseId: string): Promise<boolean> {
    return (await this.#backend()).release(leaseId);
  }

  async holdings(keys: readonly string[], queryRunner?: QueryRunner): Promise<ReadonlyMap<string, Holding>> {
    return (await this.#backend()).holdings(keys, queryRunner);
  }

  async releaseOperation(operation: string): Promise<number> {
    return (await this.#backend()).releaseOperation(operation);
  }

  async purgeExpired(): Promise<number> {
    return (await this.#backend()).purgeExpired();
  }

  async #backend(): Promise<LockBackend> {
    this.#choice ??= this.choose().then((backend) => {
      this.#chosen = backend;
      publish("lock", () => ({
        event: "backend-chosen",
        backend: backend.name,
        operation: undefined,
        entities: 0,
        fencingToken: undefined,
        error: undefined,
      }));
      return backend;
    });
    return this.#choice;
  }
}
