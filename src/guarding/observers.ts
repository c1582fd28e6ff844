import type { EntityMetadata, EntitySubscriberInterface } from "typeorm";
import type { GraphEntity, PersistMode } from "./entity-graph";
import type { Guard } from "./guard";
import { isOwnListener } from "./hook-transactions";

const before = {
  save: ["beforeInsert", "beforeUpdate"],
  remove: ["beforeRemove"],
  "soft-remove": ["beforeSoftRemove"],
  recover: ["beforeRecover"],
} as const satisfies Readonly<Record<PersistMode, readonly string[]>>;

const beforeAndAfter = {
  save: [...before.save, "afterInsert", "afterUpdate"],
  remove: [...before.remove, "afterRemove"],
  "soft-remove": [...before["soft-remove"], "afterSoftRemove"],
  recover: [...before.recover, "afterRecover"],
} as const satisfies Readonly<Record<PersistMode, readonly string[]>>;

const transactionHooks = [
  "beforeTransactionStart",
  "afterTransactionStart",
  "beforeTransactionCommit",
  "afterTransactionCommit",
  "beforeTransactionRollback",
  "afterTransactionRollback",
] as const;

const listenerLists = {
  save: ["beforeInsertListeners", "beforeUpdateListeners", "afterInsertListeners", "afterUpdateListeners"],
  remove: ["beforeRemoveListeners", "afterRemoveListeners"],
  "soft-remove": ["beforeSoftRemoveListeners", "afterSoftRemoveListeners"],
  recover: ["beforeRecoverListeners", "afterRecoverListeners"],
} as const satisfies Readonly<Record<PersistMode, readonly (keyof EntityMetadata)[]>>;

/** Whether somebody else's subscriber may write something while entities are saved, removed or recovered. */
export function hasWritingSubscribers({ dataSource }: Guard, mode: PersistMode): boolean {
  return dataSource.subscribers.some((subscriber) => hears(subscriber, before[mode]));
}

/** Whether somebody else's subscriber is told of a write of one of these entities, with what the row held before. */
export function isSubscribed(
  { dataSource }: Guard,
  mode: PersistMode,
  entities: readonly GraphEntity[],
): boolean {
  const concerned = dataSource.subscribers.filter((subscriber) => hears(subscriber, beforeAndAfter[mode]));
  return (
    concerned.length > 0 &&
    [...new Set(entities.map(({ metadata }) => metadata))].some((metadata) =>
      concerned.some((subscriber) => listensTo(subscriber, metadata)),
    )
  );
}

/** Whether entities have listeners of their own that are called at a write, which undo it where they fail. */
export function hasListeners(mode: PersistMode, metadata: EntityMetadata): boolean {
  return listenerLists[mode].some((list) => metadata[list].length > 0);
}

/** Whether somebody else's subscriber is told of queries. */
export function isToldOfQueries({ dataSource }: Guard): boolean {
  return dataSource.subscribers.some(
    (subscriber) => subscriber.beforeQuery !== undefined || subscriber.afterQuery !== undefined,
  );
}

/** Whether somebody else's subscriber is told of transactions. */
export function isToldOfTransactions(guard: Guard): boolean {
  return guard.dataSource.subscribers.some(
    (subscriber) =>
      !isOwnListener(guard, subscriber) && transactionHooks.some((hook) => subscriber[hook] !== undefined),
  );
}

function hears(
  subscriber: EntitySubscriberInterface,
  events: readonly (keyof EntitySubscriberInterface)[],
): boolean {
  return events.some((event) => subscriber[event] !== undefined);
}

// As TypeORM's Broadcaster has it.
function listensTo(subscriber: EntitySubscriberInterface, { target }: EntityMetadata): boolean {
  const listened = subscriber.listenTo?.() as object | undefined;
  return (
    !listened ||
    listened === Object ||
    listened === target ||
    (typeof target === "function" && Object.prototype.isPrototypeOf.call(listened, target))
  );
}
