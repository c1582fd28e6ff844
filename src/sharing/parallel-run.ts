import type { EntityManager } from "typeorm";
import { ParallelError } from "../errors/parallel-error";
import type { Guard } from "../guarding/guard";
import { onAbort } from "../events/on-abort";
import type { Attempt } from "../units/attempt";
import { runUnitOfWork } from "../units/run-unit-of-work";
import { countOf, ItemSource } from "./item-source";
import type { ResolvedParallelOptions } from "./parallel-options";

/** What the worker is told of its item besides the item itself. */
export interface ParallelContext {
  /** The place of the item among all, from 0. */
  readonly index: number;
  /** Aborts when the work is stopped, with what it was stopped by as its reason. */
  readonly signal: AbortSignal;
  /** Which run of the item's unit of work this is. */
  readonly attempt: Attempt;
}

/** What is done with each item. */
export type ParallelWorker<T, R> = (item: T, manager: EntityManager, context: ParallelContext) => Promise<R>;

/** Parallel work on its way through its items. */
export class ParallelRun<T, R> {
  readonly #controller = new AbortController();
  readonly #results: R[] = [];
  /** What items have failed with, by index. */
  readonly #failures = new Map<number, unknown>();
  #stopped: { readonly error: unknown } | undefined;
  #begun = 0;
  #running = 0;
  #completed = 0;
  #onSettled: () => void = () => undefined;
  #onStop: () => void = () => undefined;

  constructor(
    private readonly guard: Guard,
    private readonly items: Iterable<T> | AsyncIterable<T>,
    private readonly worker: ParallelWorker<T, R>,
    private readonly options: ResolvedParallelOptions,
    private readonly mostAtOnce: number,
  ) {}

  /** Resolves, or rejects, when nothing is running any more. */
  async run(): Promise<R[]> {
    const { signal } = this.options;
    const stopListening = onAbort(signal, () => this.#stop(signal?.reason));
    try {
      await this.#workThrough();
    } finally {
      stopListening();
    }
    if (this.#stopped !== undefined) throw this.#stopped.error;
    if (this.#failures.size > 0) throw new ParallelError(this.#outcomes());
    return this.#results;
  }

  async #workThrough(): Promise<void> {
    let source: ItemSource<T> | undefined;
    try {
      source = new ItemSource(this.items);
      await this.#beginAll(source);
    } catch (error) {
      this.#stop(error);
    }
    const closed = source?.close();
    while (this.#running > 0) await this.#anySettled();
    await closed;
  }

  async #beginAll(source: ItemSource<T>): Promise<void> {
    while (this.#stopped === undefined) {
      if (this.#running >= this.mostAtOnce) {
        await this.#anySettled();
        continue;
      }
      const next = await this.#unlessStopped(source.next());
      if (next === undefined || this.#isStopped) return;
      void this.#workOn(next.value, this.#begun++);
    }
  }

  // Not narrowed by what the loop knew before it waited.
  get #isStopped(): boolean {
    return this.#stopped !== undefined;
  }

  async #anySettled(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#onSettled = resolve;
    });
  }

  async #unlessStopped<V>(answer: Promise<V>): Promise<V | undefined> {
    return new Promise((resolve, reject) => {
      this.#onStop = () => resolve(undefined);
      if (this.#isStopped) this.#onStop();
      answer.then(resolve, reject);
    });
  }

  async #workOn(item: T, index: number): Promise<void> {
    this.#running++;
    try {
      this.#results[index] = await this.#runUnit(item, index);
    } catch (error) {
      this.#failures.set(index, error);
      if (this.options.onError === "stop") this.#stop(error);
    }
    this.#completed++;
    try {
      await this.options.onProgress?.({
        completed: this.#completed,
        failed: this.#failures.size,
        total: countOf(this.items),
      });
    } catch (error) {
      this.#stop(error);
    }
    this.#running--;
    this.#onSettled();
  }

  async #runUnit(item: T, index: number): Promise<R> {
    const { signal } = this.#controller;
    const { worker } = this;
    return runUnitOfWork(
      this.guard.dataSource,
      (manager, attempt) => worker(item, manager, Object.freeze({ index, signal, attempt })),
      { ...this.options.unit, signal },
    );
  }

  #stop(error: unknown): void {
    if (this.#stopped !== undefined) return;
    this.#stopped = { error };
    this.#controller.abort(error);
    this.#onStop();
  }

  #outcomes(): PromiseSettledResult<R>[] {
    return Array.from({ length: this.#begun }, (_, index) =>
      this.#failures.has(index)
        ? { status: "rejected", reason: this.#failures.get(index) }
        : { status: "fulfilled", value: this.#results[index] as R },
    );
  }
}
