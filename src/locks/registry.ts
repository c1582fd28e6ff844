import { randomUUID } from "node:crypto";
import type { DataSource, EntityTarget, ObjectLiteral, QueryRunner } from "typeorm";
import { EntityLockedError } from "../errors/entity-locked-error";
import { formatValue } from "../errors/format-value";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { HeldLock, LockInfo } from "../errors/held-lock";
import { publish, type LockEvent } from "../events/channels";
import type { WrittenRow } from "../metadata/written-row";
import type { LockBackend } from "./backends/lock-backend";
import { withDependents } from "./dependents";
import { awaitGrant, type Blockers } from "./grant";
import { HeldLease, type LeaseKeeper } from "./held-lease";
import { heldLock, lockInfo } from "./held-locks";
import type { Lease } from "./lease";
import {
  refuseUnfitOperation,
  resolveAcquireOptions,
  type AcquireOptions,
  type LeaseTimes,
  type LockRegistryOptions,
} from "./lock-options";
import type { LockRegistry } from "./lock-registry";
import type { LockResource, ResolvedResource } from "./lock-resource";
import { refuseLockedRows } from "./refuse-locked-rows";
import { resolveResource } from "./resolve-resource";
import { WaitingRoom } from "./waiting-room";

type Resolved = ReadonlyMap<string, ResolvedResource>;

// Several registries of a process may share a backend.
const rooms = new WeakMap<LockBackend, WaitingRoom>();

export class Registry implements LockRegistry, LeaseKeeper {
  readonly backend: LockBackend;
  readonly #bound = new Set<DataSource>();
  readonly #leases = new Set<HeldLease>();
  readonly #room: WaitingRoom;

  constructor(
    private readonly options: LockRegistryOptions,
    private readonly times: LeaseTimes,
  ) {
    this.backend = options.backend;
    this.#room = rooms.get(this.backend) ?? new WaitingRoom();
    rooms.set(this.backend, this.#room);
  }

  async acquire(resources: Iterable<LockResource>, options: AcquireOptions): Promise<Lease> {
    return this.#acquire(resources, options);
  }

  async run<T>(
    resources: Iterable<LockResource>,
    options: AcquireOptions,
    work: (lease: Lease) => Promise<T>,
  ): Promise<T> {
    if (typeof work !== "function") {
      throw new GuardConfigurationError(`The work under a lock must be a function, not ${String(work)}.`);
    }
    const lease = await this.#acquire(resources, options);
    try {
      const value = await lease.run(() => work(lease));
      if (lease.lost !== undefined) throw lease.lost;
      return value;
    } finally {
      // What the work has come to matters more. The lease is not renewed any more, and ends by itself.
      await lease.release().catch((error: unknown) => lease.tell("release-failed", error));
    }
  }

  async lockedIds<I>(target: EntityTarget<ObjectLiteral>, ids: Iterable<I>): Promise<Map<I, LockInfo>> {
    const keys = new Map([...ids].map((id) => [id, this.#resolve({ target, id }).key]));
    if (keys.size === 0) return new Map();
    const held = await this.backend.holdings([...new Set(keys.values())]);
    return new Map(
      [...keys].flatMap(([id, key]): [I, LockInfo][] => {
        const holding = held.get(key);
        return holding === undefined ? [] : [[id, lockInfo(holding.lease)]];
      }),
    );
  }

  async holderOf(resource: LockResource): Promise<LockInfo | undefined> {
    const { key } = this.#resolve(resource);
    const holding = (await this.backend.holdings([key])).get(key);
    return holding === undefined ? undefined : lockInfo(holding.lease);
  }

  async releaseOperation(operation: string): Promise<number> {
    refuseUnfitOperation(operation);
    // What is granted while the backend answers may have been granted afterwards.
    const leases = [...this.#leases].filter((lease) => lease.operation === operation);
    const entities = await this.backend.releaseOperation(operation);
    for (const lease of leases) if (!lease.isReleased) lease.noteLost("were released by an operator");
    this.#room.wakeAll();
    this.#tell({ event: "operation-released", operation, entities });
    return entities;
  }

  async purgeExpired(): Promise<number> {
    const entities = await this.backend.purgeExpired();
    this.#tell({ event: "purged", entities });
    return entities;
  }

  bind(dataSource: DataSource): () => void {
    this.#bound.add(dataSource);
    return () => this.#bound.delete(dataSource);
  }

  async refuseLockedRows(
    write: string,
    rows: readonly WrittenRow[],
    queryRunner: QueryRunner,
  ): Promise<void> {
    try {
      const isHere = (leaseId: string): boolean => [...this.#leases].some(({ id }) => id === leaseId);
      await refuseLockedRows(this.backend, isHere, write, rows, queryRunner);
    } catch (error) {
      this.#tell({ event: "write-refused", entities: rows.length, error });
      throw error;
    }
  }

  async resolve(resources: Iterable<LockResource>): Promise<Resolved> {
    return withDependents(this.#dataSources, this.options.dependents, resources);
  }

  async addKeys(lease: HeldLease, added: Resolved, { ttlMs }: LeaseTimes): Promise<number | undefined> {
    const { id, operation, reason } = lease;
    const outcome = await this.backend.claim({
      leaseId: id,
      operation,
      reason,
      keys: [...added.keys()],
      ttlMs,
      kind: "addition",
      fencingToken: lease.fencingToken,
      queueMs: undefined,
      isQueued: false,
    });
    if (outcome.kind === "lost") return undefined;
    if (outcome.kind === "blocked") throw this.#refusal(operation, added, outcome.by);
    this.#tell({ event: "added", operation, entities: added.size, fencingToken: outcome.fencingToken });
    return outcome.fencingToken;
  }

  ended(lease: HeldLease, freed: Iterable<string>): void {
    this.#leases.delete(lease);
    this.#room.wake(freed);
  }

  async #acquire(resources: Iterable<LockResource>, given?: AcquireOptions): Promise<HeldLease> {
    const startedAt = performance.now();
    const options = resolveAcquireOptions(given ?? {}, this.times);
    const { operation, reason, ttlMs } = options;
    options.signal?.throwIfAborted();
    const wanted = await this.resolve(iterable(resources));
    const claim = { leaseId: randomUUID(), operation, reason, keys: [...wanted.keys()], ttlMs };
    const grant = await awaitGrant(this.backend, this.#room, claim, {
      ...options,
      onWaiting: () => this.#tell({ event: "waiting", operation, entities: wanted.size }),
    });
    const elapsedMs = performance.now() - startedAt;
    if (grant.kind === "blocked") throw this.#refusal(operation, wanted, grant.by, elapsedMs);
    const { askedAt, fencingToken } = grant;
    const lease = new HeldLease(
      this,
      { id: claim.leaseId, operation, reason, fencingToken, resources: wanted, askedAt },
      options,
    );
    this.#leases.add(lease);
    this.#tell({ event: "acquired", operation, entities: wanted.size, fencingToken, elapsedMs });
    return lease;
  }

  #refusal(operation: string, wanted: Resolved, by: Blockers, elapsedMs?: number): EntityLockedError {
    const locks = [...by].map(([key, lease]) => heldLock(wanted.get(key) as ResolvedResource, lease));
    const error = new EntityLockedError(
      `the locks of operation ${formatValue(operation)}`,
      locks as [HeldLock, ...HeldLock[]],
    );
    this.#tell({
      event: "refused",
      operation,
      entities: wanted.size,
      error,
      ...(elapsedMs === undefined ? {} : { elapsedMs }),
    });
    return error;
  }

  #resolve(resource: LockResource): ResolvedResource {
    return resolveResource(this.#dataSources, resource);
  }

  get #dataSources(): readonly DataSource[] {
    const given = [this.options.dataSource, this.backend.dataSource];
    return [...this.#bound, ...given].filter((each) => each !== undefined);
  }

  #tell(told: Pick<LockEvent, "event" | "entities"> & Partial<LockEvent>): void {
    publish("lock", () => ({
      backend: this.backend.name,
      operation: undefined,
      fencingToken: undefined,
      error: undefined,
      ...told,
    }));
  }
}

function iterable(resources: Iterable<LockResource>): Iterable<LockResource> {
  if (typeof resources === "object" && resources !== null && Symbol.iterator in resources) return resources;
  throw new GuardConfigurationError(`What is to be locked must be an array of entities or { target, id }.`);
}
