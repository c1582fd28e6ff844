import type { EntityManager, EntityMetadata, ObjectLiteral, QueryRunner, SaveOptions } from "typeorm";
import type { CallSite } from "./call-site";
import { conflictsOf } from "./conflict-report";
import { hasSingleConnection } from "./dialect";
import { entityGraph, type EntityGraph, type PersistMode } from "./entity-graph";
import type { Guard } from "./guard";
import { decideOnMissingToken } from "./missing-token";
import { enlistRows } from "./row-enlistment";
import { currentScope, isInSave, runInSave } from "./save-flow";
import { SaveScope, WriteRefused } from "./save-scope";
import { settleWrites } from "./settlement";
import { TokenMemory } from "./token-memory";

/** One call of an EntityManager's save, remove, softRemove or recover. */
export interface PersistCall {
  readonly mode: PersistMode;
  readonly manager: EntityManager;
  /** The target the caller named, if it named one. */
  readonly target: Parameters<EntityManager["getRepository"]>[0] | undefined;
  readonly entity: unknown;
  readonly options: SaveOptions | undefined;
  /** Where the call was, if anybody will ask. */
  readonly callSite: CallSite | undefined;
  /** Calls TypeORM's own method with these options. */
  proceed(options: SaveOptions | undefined): Promise<unknown>;
}

/** Runs a save, remove, softRemove or recover so that every guarded row it writes is checked. */
export async function persistGuarded(guard: Guard, call: PersistCall): Promise<unknown> {
  // TypeORM waits likewise, so that a lazy relation that was just assigned has its value.
  await Promise.resolve();
  const graph = entityGraph(call.mode, rootsOf(guard, call));
  if (!graph.entities.some(({ metadata }) => guard.describe(metadata))) return call.proceed(call.options);

  const { driver } = guard.dataSource;
  const connection = hasSingleConnection(guard.dataSource) ? driver : call.manager.queryRunner;
  const persist = (): Promise<unknown> => persistInTurn(guard, call, graph);
  // A save in a listener of another save is part of that one's turn.
  return connection === undefined || isInSave(guard) ? persist() : guard.turns.take(connection, persist);
}

function rootsOf(
  { dataSource }: Guard,
  { entity, target }: PersistCall,
): { metadata: EntityMetadata; entity: ObjectLiteral }[] {
  const entities: unknown[] = Array.isArray(entity) ? entity : [entity];
  return entities.flatMap((root) => {
    // What is no entity is left to TypeORM, whose error says so.
    if (typeof root !== "object" || root === null) return [];
    const rootTarget = target ?? root.constructor;
    if (!dataSource.hasMetadata(rootTarget)) return [];
    return [{ metadata: dataSource.getMetadata(rootTarget).findInheritanceMetadata(root), entity: root }];
  });
}

async function persistInTurn(guard: Guard, call: PersistCall, graph: EntityGraph): Promise<unknown> {
  const transaction = openTransaction(guard, call.manager);
  const parent = currentScope(guard);
  const scope = new SaveScope(call.mode, parent, transaction, graph.isOneRow, call.callSite);
  enlistRows(guard, scope, graph.entities);
  refuseMissingTokens(guard, scope);

  const memory = new TokenMemory(guard, graph.entities);
  try {
    const result = await runInSave(guard, scope, () => call.proceed(atomicOptions(call.options, graph)));
    await scope.complete();
    settleWrites(guard, scope);
    if (transaction !== undefined) guard.journal.record(transaction, () => memory.restore());
    return result;
  } catch (error) {
    await scope.undo();
    memory.restore();
    if (!(error instanceof WriteRefused)) throw error;
    throw await conflictsOf(guard, scope, error.rows, call.manager.queryRunner);
  }
}

/** The query runner whose open transaction the save takes part in. */
function openTransaction({ dataSource }: Guard, manager: EntityManager): QueryRunner | undefined {
  const { driver } = dataSource;
  const shared = hasSingleConnection(dataSource)
    ? (driver as { readonly queryRunner?: QueryRunner }).queryRunner
    : undefined;
  const queryRunner = manager.queryRunner ?? shared;
  return queryRunner?.isTransactionActive && driver.transactionSupport === "nested" ? queryRunner : undefined;
}

// Whether a token is missing from an object that was never loaded only matters once its row is found to exist.
function refuseMissingTokens(guard: Guard, scope: SaveScope): void {
  for (const row of scope.rows.values()) {
    if (!row.isSubject || (scope.mode === "save" && !row.isTracked)) continue;
    if (scope.mode !== "save" || row.isChanged(guard.dataSource.driver)) {
      decideOnMissingToken(guard, row, scope.callSite);
    }
  }
}

// Without a transaction a refusal half-way through several rows would leave the first ones written.
function atomicOptions(options: SaveOptions | undefined, { isOneRow }: EntityGraph): SaveOptions | undefined {
  return options?.transaction === false && !isOneRow ? { ...options, transaction: true } : options;
}
