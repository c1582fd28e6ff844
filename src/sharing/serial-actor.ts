import type { DataSource } from "typeorm";
import { ActorQueueFullError } from "../errors/actor-queue-full-error";
import { ClosedActorError } from "../errors/closed-actor-error";
import { OuterTransactionError } from "../errors/outer-transaction-error";
import { ReentrantCallError } from "../errors/reentrant-call-error";
import type { Guard } from "../guarding/guard";
import { guardOf } from "../guarding/guard-of";
import { outerTransaction } from "../guarding/transaction-flow";
import { currentUnit, refuseLeftovers } from "../guarding/unit-flow";
import type { Work } from "../units/run-attempt";
import { runUnitOfWork } from "../units/run-unit-of-work";
import { resolveUnitOfWorkOptions, type ResolvedUnitOfWorkOptions } from "../units/unit-of-work-options";
import { isCircular, type Waiter } from "./circular-wait";
import { Lanes } from "./lanes";
import {
  resolveSerialActorOptions,
  type SerialActorOptions,
  type SerialRunOptions,
} from "./serial-actor-options";
import { currentCall, SerialCall } from "./serial-call";
import { readSerialRun } from "./serial-run";

/** Runs units of work one at a time, in the order in which they were brought; see {@link createSerialActor}. */
export interface SerialActor {
  /** Runs `work` after all that was brought before it without a key, as a unit of work of its own. */
  run<T>(work: Work<T>, options?: SerialRunOptions): Promise<T>;
  /**
   * Runs `work` after all that was brought before it with the same key, as a unit of work of its own. Those with other
   * keys, and those without, run beside it.
   *
   * @param key anything but a function; compared as a Map compares its keys, so objects by identity.
   */
  run<T>(key: unknown, work: Work<T>, options?: SerialRunOptions): Promise<T>;
  /** How many runs were accepted and have not settled: those that wait, those that run, and those inside others. */
  readonly pending: number;
  /**
   * Resolves when nothing is pending.
   *
   * @throws ReentrantCallError inside work that is pending itself.
   */
  idle(): Promise<void>;
  /**
   * Refuses what is brought from now on, with a ClosedActorError; resolves when all that was accepted has settled. What
   * that work runs inside is part of it and let through. It may be called again.
   *
   * @throws ReentrantCallError inside work that is pending itself; then it stays open.
   */
  close(): Promise<void>;
}

/**
 * Creates an actor: something that one brings work to, and that does it one at a time in the order it came, or one at a
 * time per key. Each work is a {@link runUnitOfWork} of its own, in the async context of whoever has brought it; one that
 * fails fails alone. So those who write the same row need not lose against each other and try again. It orders what is
 * brought to this actor in this process; against all others the units are checked and run again as ever.
 *
 * Inside the work, `run` with another key waits for that key, joins the unit of work that it is in, and keeps the key until
 * the outermost run has settled. It goes before runs that were brought from outside and have not begun.
 *
 * `run` rejects with what {@link runUnitOfWork} rejects with, and with ReentrantCallError where it would wait for itself: with
 * the key that it is called in, or where several runs wait for each other's keys, also those of several actors; with
 * OuterTransactionError inside a unit of work or a transaction of the same DataSource that is not an actor's; with
 * ActorQueueFullError, ClosedActorError, GuardConfigurationError; and with the signal's reason while it waits.
 *
 * @param dataSource a guarded DataSource.
 * @param options `maxPending`, and those of the units of work.
 * @throws GuardConfigurationError for a DataSource that is not guarded, or a wrong option.
 */
export function createSerialActor(dataSource: DataSource, options?: SerialActorOptions): SerialActor {
  guardOf(dataSource);
  return new Actor(dataSource, options);
}

class Actor implements SerialActor {
  readonly #maxPending: number;
  readonly #unitOptions: SerialRunOptions;
  readonly #lanes = new Lanes();
  readonly #calls = new Set<SerialCall>();
  #nested = 0;
  #isClosed = false;
  readonly #whenIdle = new Set<() => void>();
  /** How many calls of `idle()` and `close()` are waiting inside runs, of other actors. */
  #idleWaits = 0;

  constructor(
    private readonly dataSource: DataSource,
    options: SerialActorOptions | undefined,
  ) {
    const { maxPending, unitOptions } = resolveSerialActorOptions(options);
    this.#maxPending = maxPending;
    this.#unitOptions = unitOptions;
  }

  get pending(): number {
    return this.#calls.size;
  }

  async run<T>(...parameters: unknown[]): Promise<T> {
    const { key, name, options, work } = readSerialRun<T>(parameters);
    const resolved = resolveUnitOfWorkOptions({ ...this.#unitOptions, ...given(options) });
    const guard = guardOf(this.dataSource);
    resolved.signal?.throwIfAborted();
    refuseLeftovers(guard);
    const call = new SerialCall(this, guard);
    const isNested = call.isWithin(this);
    if (!isNested) this.#refuseNew();
    if (call.outermost === call) refuseOuterTransaction(guard);
    call.lineUp(this.#lanes.of(key));
    this.#calls.add(call);
    if (isNested) this.#nested++;
    try {
      if ((call.isNested || this.#idleWaits > 0) && call.waitsForItself) refuseRun(name);
      await call.turnToBegin(resolved.signal);
      return await call.run(() => this.#runUnit(call, name, work, resolved));
    } finally {
      if (isNested) this.#nested--;
      this.#calls.delete(call);
      call.settle();
      this.#tellIdle();
    }
  }

  async idle(): Promise<void> {
    await this.#waitUntilIdle("idle()");
  }

  async close(): Promise<void> {
    await this.#waitUntilIdle("close()", () => (this.#isClosed = true));
  }

  async #runUnit<T>(
    call: SerialCall,
    name: string,
    work: Work<T>,
    options: ResolvedUnitOfWorkOptions,
  ): Promise<T> {
    if (call.outermost !== call) return runUnitOfWork(this.dataSource, work, options);
    return runUnitOfWork<T>(
      this.dataSource,
      async (manager, attempt) => {
        await call.enter(options.signal, () => refuseRun(name));
        return work(manager, attempt);
      },
      {
        ...options,
        shouldRetry: (error, attempt) => {
          call.exit();
          return options.shouldRetry?.(error, attempt) ?? attempt.isRetryable;
        },
      },
    );
  }

  #refuseNew(): void {
    if (this.#isClosed) throw new ClosedActorError();
    const pending = this.#calls.size - this.#nested;
    if (pending >= this.#maxPending) throw new ActorQueueFullError(pending, this.#maxPending);
  }

  async #waitUntilIdle(name: string, accept?: () => void): Promise<void> {
    const waiter: Waiter = { waitsFor: () => this.#calls };
    const end = currentCall()?.begin(waiter);
    try {
      if (end !== undefined && isCircular(waiter)) {
        throw new ReentrantCallError(name, `Call it outside of the work that an actor does.`);
      }
      accept?.();
      if (this.#calls.size === 0) return;
      if (end !== undefined) this.#idleWaits++;
      await new Promise<void>((resolve) => this.#whenIdle.add(resolve));
      if (end !== undefined) this.#idleWaits--;
    } finally {
      end?.();
    }
  }

  #tellIdle(): void {
    if (this.#calls.size > 0) return;
    for (const resolve of this.#whenIdle) resolve();
    this.#whenIdle.clear();
  }
}

function given(options: SerialRunOptions | undefined): SerialRunOptions {
  return Object.fromEntries(Object.entries(options ?? {}).filter(([, value]) => value !== undefined));
}

function refuseOuterTransaction(guard: Guard): void {
  const where = currentUnit(guard) === undefined ? outerTransaction(guard) : "a unit of work";
  if (where === undefined) return;
  throw new OuterTransactionError(
    where,
    `A serial actor was called inside ${where} of the same DataSource. Its turn would be over before what it has written ` +
      `is committed, and the database cannot see who waits for whom. Bring the whole to the actor: units of work and ` +
      `transactions inside its work are part of it. Or call it before or after.`,
  );
}

function refuseRun(name: string): never {
  throw new ReentrantCallError(
    name,
    `What is done under a key already, do directly. Where work needs several keys, take them in the same order ` +
      `everywhere, or give it one key for all.`,
  );
}
