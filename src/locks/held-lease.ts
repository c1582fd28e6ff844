import { LeaseLostError } from "../errors/lease-lost-error";
import { publish } from "../events/channels";
import type { LockBackend } from "./backends/lock-backend";
import { runHolding, type HolderLease } from "./holders";
import type { Lease } from "./lease";
import { LeaseRenewal } from "./lease-renewal";
import { refuseUnfitTtl, type LeaseTimes } from "./lock-options";
import type { LockResource, ResolvedResource } from "./lock-resource";

/** What a lease needs of the registry that granted it. */
export interface LeaseKeeper {
  readonly backend: LockBackend;
  /** Resolves what is to be added, dependents included. */
  resolve(resources: Iterable<LockResource>): Promise<ReadonlyMap<string, ResolvedResource>>;
  /** Claims more keys for a lease, all or none. */
  addKeys(
    lease: HeldLease,
    added: ReadonlyMap<string, ResolvedResource>,
    times: LeaseTimes,
  ): Promise<number | undefined>;
  /** Hears that a lease is over; `freed` are the keys that others may take now. */
  ended(lease: HeldLease, freed: Iterable<string>): void;
}

export interface GrantedLease {
  readonly id: string;
  readonly operation: string;
  readonly reason: string | undefined;
  readonly fencingToken: number;
  readonly resources: ReadonlyMap<string, ResolvedResource>;
  /** When it was asked for, by `performance.now()`: no earlier than that does it begin to run out. */
  readonly askedAt: number;
}

/** A lease that was granted to this process. */
export class HeldLease implements Lease, HolderLease {
  readonly id: string;
  readonly operation: string;
  readonly reason: string | undefined;
  readonly #aborter = new AbortController();
  readonly #resources: Map<string, ResolvedResource>;
  readonly #renewal: LeaseRenewal;
  #fencingToken: number;
  #lost: LeaseLostError | undefined;
  #isReleased = false;
  /** Whether the backend knows that it is released. */
  #isFreed = false;
  #tail: Promise<unknown> = Promise.resolve();

  constructor(
    private readonly keeper: LeaseKeeper,
    granted: GrantedLease,
    private readonly times: LeaseTimes,
  ) {
    this.id = granted.id;
    this.operation = granted.operation;
    this.reason = granted.reason;
    this.#fencingToken = granted.fencingToken;
    this.#resources = new Map(granted.resources);
    this.#renewal = new LeaseRenewal({
      times,
      renewedAt: granted.askedAt,
      renew: () => keeper.backend.renew(this.id, times.ttlMs, this.#fencingToken),
      onFailure: (error) => this.tell("renewal-failed", error),
      onLost: (how, cause) => this.#lose(how, cause),
    });
  }

  get backend(): LockBackend {
    return this.keeper.backend;
  }

  get fencingToken(): number {
    return this.#fencingToken;
  }

  get resources(): readonly LockResource[] {
    return [...this.#resources.values()].map(({ given }) => given);
  }

  get signal(): AbortSignal {
    return this.#aborter.signal;
  }

  /** Why it was lost, if it was. One that has run out is, whether a timer has noticed or not. */
  get lost(): LeaseLostError | undefined {
    if (!this.#isReleased) this.#renewal.check();
    return this.#lost;
  }

  get isOverdue(): boolean {
    return this.#renewal.isOverdue;
  }

  get isReleased(): boolean {
    return this.#isReleased;
  }

  holds(key: string): boolean {
    return this.#resources.has(key);
  }

  async add(resources: Iterable<LockResource>): Promise<void> {
    const wanted = await this.keeper.resolve(resources);
    await this.#inTurn(async () => {
      const added = new Map([...wanted].filter(([key]) => !this.holds(key)));
      if (added.size === 0) return;
      const askedAt = performance.now();
      const fencingToken = await this.keeper.addKeys(this, added, this.times);
      if (fencingToken === undefined) throw this.#lose("were gone when more were to be added");
      this.#renewal.renewed(askedAt, this.times.ttlMs);
      this.#fencingToken = fencingToken;
      for (const [key, resource] of added) this.#resources.set(key, resource);
    });
  }

  async extend(ttlMs: number = this.times.ttlMs): Promise<void> {
    refuseUnfitTtl(ttlMs);
    await this.#inTurn(async () => {
      const askedAt = performance.now();
      const isHeld = await this.keeper.backend.renew(this.id, ttlMs, this.#fencingToken);
      if (!isHeld) throw this.#lose("were gone when they were to be extended");
      this.#renewal.renewed(askedAt, ttlMs);
    });
  }

  async release(): Promise<void> {
    const turn = this.#tail.then(async () => {
      if (this.#isFreed) return;
      this.#isReleased = true;
      this.#renewal.stop();
      try {
        await this.keeper.backend.release(this.id);
        this.#isFreed = true;
      } finally {
        this.keeper.ended(this, this.#resources.keys());
      }
      this.tell("released");
    });
    this.#tail = turn.catch(() => undefined);
    await turn;
  }

  async run<T>(work: () => Promise<T>): Promise<T> {
    this.#refuseUnlessHeld();
    return runHolding(this, work);
  }

  noteLost(how: string): LeaseLostError {
    return this.#lose(how);
  }

  async #inTurn(work: () => Promise<void>): Promise<void> {
    const turn = this.#tail.then(async () => {
      this.#refuseUnlessHeld();
      await work();
      // Nobody renews what was lost while the backend was asked, whatever it answered.
      if (this.#lost !== undefined) throw this.#lost;
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  #refuseUnlessHeld(): void {
    const { lost } = this;
    if (lost !== undefined) throw lost;
    if (this.#isReleased) throw new LeaseLostError(this.operation, this.#fencingToken, "were released");
  }

  #lose(how: string, cause?: unknown): LeaseLostError {
    if (this.#lost !== undefined) return this.#lost;
    const error = new LeaseLostError(this.operation, this.#fencingToken, how, cause);
    // Whoever has found it gone after its release is refused, and nobody else is concerned.
    if (this.#isReleased) return error;
    this.#lost = error;
    this.#renewal.stop();
    this.keeper.ended(this, []);
    this.tell("lost", error);
    this.#aborter.abort(error);
    return error;
  }

  tell(event: "renewal-failed" | "lost" | "released" | "release-failed", error?: unknown): void {
    const { operation } = this;
    publish("lock", () => ({
      event,
      backend: this.keeper.backend.name,
      operation,
      entities: this.#resources.size,
      fencingToken: this.#fencingToken,
      error,
    }));
  }
}
