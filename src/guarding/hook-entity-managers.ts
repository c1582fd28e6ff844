import type { DataSource, EntityManager, EntitySchema, QueryRunner, SaveOptions } from "typeorm";
import { captureCallSite } from "./call-site";
import type { PersistMode } from "./entity-graph";
import type { Guard } from "./guard";
import { operate } from "./overlap/operate";
import { watchedMethods } from "./overlap/watch-manager";
import { persistGuarded, type PersistCall } from "./persist";
import { restoreProperty } from "./restore-property";
import { onConnection } from "./shared-connection";
import { TransactionFlow } from "./transaction-flow";
import { ambientQueryRunner } from "./unit-flow";

/*
 * Why here: save, remove, softRemove and recover are where the entity, with what its caller expects, is still at
 * hand; the statements further down know only keys and values. Repositories and Active Record end here. So do their
 * transactions, inside which no unit of work can begin. And a manager that has no query runner of its own asks for one
 * at each call: inside a unit of work, the unit's is its.
 *
 * The DataSource makes the default manager and one for every query runner by its createEntityManager, so that method
 * is replaced on the instance; each manager it makes gets a prototype with the methods between itself and its class's, and
 * the default one the methods themselves. Checked against TypeORM
 * 0.3.31 and 1.1.1. Should a release make managers in another way, their saves reach the guarded UPDATE without an
 * expectation and are refused there (UncheckedWriteError).
 *
 * Undone by the returned function; managers that are still around then let everything through.
 */

type Method = (this: EntityManager, ...parameters: unknown[]) => Promise<unknown>;
/** Finds the method that a guarded one is put over. */
type Below = (method: string) => Method;

interface Layer {
  readonly prototype: object;
  readonly methods: readonly string[];
}

const modes = { save: "save", remove: "remove", softRemove: "soft-remove", recover: "recover" } as const;
const persistMethods = Object.keys(modes) as (keyof typeof modes)[];

/** Makes every entity manager of the DataSource, the default one included, save through the guard. */
export function hookEntityManagers(guard: Guard): () => void {
  const { dataSource } = guard;
  const createEntityManager = dataSource.createEntityManager;
  const ownBefore = Object.getOwnPropertyDescriptor(dataSource, "createEntityManager");
  const { manager } = dataSource;
  const undo = [hookMethods(guard, manager), hookQueryRunner(guard, manager)];
  const layers = new Map<object, Layer>();
  Object.defineProperty(dataSource, "createEntityManager", {
    configurable: true,
    writable: true,
    value(...parameters: Parameters<DataSource["createEntityManager"]>): EntityManager {
      const made = createEntityManager.apply(dataSource, parameters);
      layerManager(guard, layers, made);
      return made;
    },
  });
  return () => {
    for (const restore of undo) restore();
    restoreProperty(dataSource, "createEntityManager", ownBefore);
  };
}

// One is made for each query runner: a prototype that all share costs next to nothing.
function layerManager(guard: Guard, layers: Map<object, Layer>, manager: EntityManager): void {
  const below = Object.getPrototypeOf(manager) as Record<string, Method>;
  let layer = layers.get(below);
  if (layer === undefined) {
    const methods = guardedMethods(guard, (method) => below[method] as Method);
    layer = { prototype: Object.create(below, methods) as object, methods: Object.keys(methods) };
    layers.set(below, layer);
  }
  // What somebody else has put into it is called by what is put around that.
  if (layer.methods.some((method) => Object.hasOwn(manager, method))) hookMethods(guard, manager);
  else Object.setPrototypeOf(manager, layer.prototype);
  if (manager.queryRunner === undefined) hookQueryRunner(guard, manager);
}

function hookMethods(guard: Guard, manager: EntityManager): () => void {
  const stock = new Map<string, Method>();
  const methods = guardedMethods(guard, (method) => stock.get(method) as Method);
  const undo = Object.keys(methods).map((method) => {
    const ownBefore = Object.getOwnPropertyDescriptor(manager, method);
    stock.set(method, manager[method as keyof EntityManager] as Method);
    return () => restoreProperty(manager, method, ownBefore);
  });
  Object.defineProperties(manager, methods);
  return () => {
    for (const restore of undo) restore();
  };
}

/** The methods to put in, as descriptors. */
function guardedMethods(guard: Guard, below: Below): PropertyDescriptorMap {
  const methods = {
    ...Object.fromEntries(persistMethods.map((method) => [method, guardedPersist(guard, method, below)])),
    transaction: guardedTransaction(guard, below),
    ...(guard.overlaps === undefined ? {} : watchedMethods(guard, below)),
  };
  return Object.fromEntries(
    Object.entries(methods).map(([name, value]) => [name, { configurable: true, writable: true, value }]),
  );
}

function guardedPersist(guard: Guard, method: keyof typeof modes, below: Below): Method {
  return async function guarded(...parameters) {
    const stock = below(method);
    if (!guard.isActive) return stock.apply(this, parameters);
    const callSite = guard.options.missingToken === "warn" ? captureCallSite(guarded) : undefined;
    const call = { ...persistCall(this, modes[method], stock, parameters), callSite };
    const { queryRunner } = this;
    return operate(guard, { name: `a ${method}`, queryRunner, callee: guarded }, () =>
      persistGuarded(guard, call),
    );
  };
}

function guardedTransaction(guard: Guard, below: Below): Method {
  return async function guarded(...parameters) {
    const stock = below("transaction");
    if (!guard.isActive) return stock.apply(this, parameters);
    const name = "a transaction()";
    const { queryRunner } = this;
    return operate(guard, { name, queryRunner, callee: guarded, callsBack: true }, () =>
      onConnection(guard, name, () =>
        new TransactionFlow(guard).run(() => stock.apply(this, withCallBack(guard, parameters))),
      ),
    );
  };
}

// `(work)` or `(isolation, work)`.
function withCallBack({ overlaps }: Guard, parameters: unknown[]): unknown[] {
  if (overlaps === undefined) return parameters;
  return parameters.map((parameter) =>
    typeof parameter !== "function"
      ? parameter
      : async (manager: EntityManager) =>
          overlaps.callBack(manager.queryRunner as QueryRunner, "the end of a transaction()", () =>
            (parameter as (manager: EntityManager) => Promise<unknown>)(manager),
          ),
  );
}

function hookQueryRunner(guard: Guard, manager: EntityManager): () => void {
  const ownBefore = Object.getOwnPropertyDescriptor(manager, "queryRunner");
  Object.defineProperty(manager, "queryRunner", {
    configurable: true,
    get: () => ambientQueryRunner(guard),
  });
  return () => restoreProperty(manager, "queryRunner", ownBefore);
}

// The same reading of the overloads as TypeORM's: with two parameters the first may be a target.
function persistCall(
  manager: EntityManager,
  mode: PersistMode,
  stock: Method,
  parameters: unknown[],
): Omit<PersistCall, "callSite"> {
  const hasTarget = parameters.length > 1 && isTarget(parameters[0]);
  const [entity, options] = hasTarget ? parameters.slice(1) : parameters;
  const target = hasTarget ? (parameters[0] as PersistCall["target"]) : undefined;
  return {
    mode,
    manager,
    target,
    entity,
    options: options as SaveOptions | undefined,
    proceed: (actual) =>
      stock.apply(manager, [
        ...(hasTarget ? [target] : []),
        entity,
        ...(actual === undefined ? [] : [actual]),
      ]),
  };
}

function isTarget(value: unknown): boolean {
  return typeof value === "function" || typeof value === "string" || isEntitySchema(value);
}

function isEntitySchema(value: unknown): value is EntitySchema {
  const tag: unknown = (value as { "@instanceof"?: unknown } | null | undefined)?.["@instanceof"];
  return tag === Symbol.for("EntitySchema");
}
