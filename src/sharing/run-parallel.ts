import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { OuterTransactionError } from "../errors/outer-transaction-error";
import { findFlow } from "../guarding/flow";
import type { Guard } from "../guarding/guard";
import { guardOf } from "../guarding/guard-of";
import { outerTransaction } from "../guarding/transaction-flow";
import { refuseLeftovers } from "../guarding/unit-flow";
import { UnitRun } from "../units/unit-run";
import { isIterable } from "./item-source";
import { resolveParallelOptions, type RunParallelOptions } from "./parallel-options";
import { ParallelRun, type ParallelWorker } from "./parallel-run";
import { poolSizeOf } from "./pool-size";

const mostInEndlessPool = 10;

/**
 * Works on many items at once, each in a unit of work of its own: its own EntityManager and transaction, run again on
 * fresh data when it has lost a race. See `runUnitOfWork`.
 *
 * Never more items at once than the DataSource's pool has connections. The next one is asked for when there is room for
 * it, so that a long source needs no array. When this settles, whichever way, nothing of it is running any more.
 *
 * Items are committed one by one: when one fails, those that were committed stay.
 *
 * @param dataSource a guarded DataSource.
 * @param items what can be iterated. What it throws ends the work.
 * @param worker what is to be done with each item, once per run of its unit. It must await all that it begins.
 * @param options see {@link RunParallelOptions}.
 * @returns what the worker has returned for each item, in the order of the items.
 * @throws what the first item has failed with; with `onError: "collect"` a ParallelError after all items; the signal's
 * reason; OuterTransactionError inside a unit or transaction of the same DataSource, GuardConfigurationError for a wrong
 * option or a DataSource that is not guarded, both before an item is asked for.
 */
export async function runParallel<T, R>(
  dataSource: DataSource,
  items: Iterable<T> | AsyncIterable<T>,
  worker: ParallelWorker<T, R>,
  options?: RunParallelOptions,
): Promise<R[]> {
  const resolved = resolveParallelOptions(options);
  if (typeof worker !== "function") {
    throw new GuardConfigurationError(`The worker must be a function, not ${String(worker)}.`);
  }
  if (!isIterable(items)) {
    throw new GuardConfigurationError(`The items must be an iterable, not ${String(items)}.`);
  }
  const guard = guardOf(dataSource);
  resolved.signal?.throwIfAborted();
  refuseOuterTransaction(guard);
  return new ParallelRun(guard, items, worker, resolved, mostAtOnce(dataSource, resolved.concurrency)).run();
}

function mostAtOnce(dataSource: DataSource, concurrency: number | undefined): number {
  const poolSize = poolSizeOf(dataSource);
  if (concurrency !== undefined) return Math.min(concurrency, poolSize);
  return poolSize === Infinity ? mostInEndlessPool : poolSize;
}

function refuseOuterTransaction(guard: Guard): void {
  refuseLeftovers(guard);
  const where = findFlow(guard, UnitRun) === undefined ? outerTransaction(guard) : "a unit of work";
  if (where === undefined) return;
  throw new OuterTransactionError(
    where,
    `Parallel work was begun inside ${where} of the same DataSource. All its items would join that one transaction, which ` +
      `only one can use at a time, and none of them could be run again alone. Begin parallel work outside, before or after ` +
      `it; inside, do one item after the other.`,
  );
}
