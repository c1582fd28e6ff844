import type { EntityManager, EntityMetadata, ObjectLiteral, QueryRunner, SaveOptions } from "typeorm";
import { formatRow } from "../errors/format-value";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { CallSite } from "./call-site";
import { enlistRoots, isInAggregate, knownRoots } from "./aggregate-roots";
import { conflictsOf } from "./conflict-report";
import { planDirectWrite } from "./direct/direct-plan";
import { DirectWrite } from "./direct/direct-write";
import { entityGraph, type EntityGraph, type PersistMode } from "./entity-graph";
import type { Guard } from "./guard";
import { keepListening } from "./hook-transactions";
import { refuseLockedEntities } from "./locked-rows";
import { decideOnMissingToken } from "./missing-token";
import { hasWritingSubscribers, isSubscribed, isToldOfQueries, isToldOfTransactions } from "./observers";
import { raiseRoots } from "./root-raising";
import { enlistRows } from "./row-enlistment";
import { currentScope, isInSave, runBesideSave, runInSave } from "./save-flow";
import { isUnchecked, isWithoutRoots } from "./save-marks";
import { objectsOf } from "./save-objects";
import { SaveScope, WriteRefused } from "./save-scope";
import { Savepoint } from "./savepoint";
import { settleWrites } from "./settlement";
import { onConnection } from "./shared-connection";
import { TokenMemory } from "./token-memory";
import { needsNoTransaction, readsTokensBack } from "./transaction-need";
import { refusePartialRow } from "./whole-row";

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
  return onConnection(guard, `a ${call.mode}`, () => persistOnConnection(guard, call));
}

function persistOnConnection(guard: Guard, call: PersistCall): Promise<unknown> {
  const graphNow = (): EntityGraph => entityGraph(call.mode, rootsOf(guard, call));
  const graph = graphNow();
  const isGuarded = graph.entities.some(
    (node) => guard.describe(node.metadata) ?? isInAggregate(guard, node),
  );
  if (!isGuarded && guard.options.locks === undefined) {
    return runInSave(guard, currentScope(guard), () => call.proceed(call.options));
  }
  return guard.turns.take(turnsOf(guard, call, graph), (hasWaited) =>
    persistInTurn(guard, call, hasWaited ? graphNow() : graph, isGuarded),
  );
}

/**
 * What a save shares with others, one at a time. In a listener of another save: what is done there. In a transaction of
 * the caller's, and where all have one connection: the connection. Otherwise the entities and the aggregate roots they
 * belong to: two saves of one object at once are one after the other. (In a transaction that could wait for a row lock of
 * its own.)
 */
function turnsOf(guard: Guard, { manager }: PersistCall, { entities }: EntityGraph): readonly object[] {
  const scope = currentScope(guard);
  if (scope !== undefined) return [scope];
  if (isInSave(guard)) return [];
  if (guard.connectionTurns !== undefined) return [guard.connectionTurns];
  if (manager.queryRunner !== undefined) return [manager.queryRunner];
  return entities.flatMap((node) => [node.entity, ...knownRoots(guard, node)]);
}

function rootsOf(
  { dataSource }: Guard,
  { entity, target }: PersistCall,
): { metadata: EntityMetadata; entity: ObjectLiteral }[] {
  const roots: { metadata: EntityMetadata; entity: ObjectLiteral }[] = [];
  for (const root of Array.isArray(entity) ? (entity as unknown[]) : [entity]) {
    // What is no entity is left to TypeORM, whose error says so.
    if (typeof root !== "object" || root === null) continue;
    const rootTarget = target ?? root.constructor;
    if (!dataSource.hasMetadata(rootTarget)) continue;
    roots.push({ metadata: dataSource.getMetadata(rootTarget).findInheritanceMetadata(root), entity: root });
  }
  return roots;
}

async function persistInTurn(
  guard: Guard,
  call: PersistCall,
  graph: EntityGraph,
  isGuarded: boolean,
): Promise<unknown> {
  guard.keepHooks();
  keepListening(guard);
  const canListen = call.options?.listeners !== false && hasWritingSubscribers(guard, call.mode);
  const concernsRoots =
    !isWithoutRoots(call.options) && graph.entities.some((node) => isInAggregate(guard, node));
  const isOneRow = graph.isOneRow && !canListen && !concernsRoots;
  let direct: DirectWrite | undefined;
  const scope: SaveScope = new SaveScope({
    mode: call.mode,
    parent: currentScope(guard),
    isSingleStatement: () => direct?.isSingleStatement ?? (isOneRow && !needsSubtransaction(guard, graph)),
    // One row that is only asked for its locks is refused before it is written.
    transaction: () => (isGuarded || !isOneRow ? openTransaction(guard, call.manager) : undefined),
    openSavepoint: (transaction) => Savepoint.open(guard, transaction),
    isInCallersTransaction: call.manager.queryRunner?.isTransactionActive === true,
    callSite: call.callSite,
    isUnchecked: isUnchecked(call.options),
    goesByOriginals:
      guard.options.directWrites &&
      (call.options?.listeners === false || !isSubscribed(guard, call.mode, graph.entities)),
    prepare: (queryRunner) => prepare(guard, scope, graph, queryRunner),
  });
  enlistRows(guard, scope, graph.entities);
  if (concernsRoots) enlistRoots(guard, scope, graph.entities);
  refuseTwoChangedObjects(guard, scope);
  refuseIncompleteObjects(guard, scope);

  const memory = new TokenMemory(guard, objectsOf(scope));
  const settle = (): void => {
    settleWrites(guard, scope);
    if (scope.joined !== undefined) guard.journal.record(scope.joined, () => memory.restore());
  };
  let result: unknown;
  let own: QueryRunner | undefined;
  try {
    try {
      // A subscriber may write by SQL that nobody sees, before the save writes anything.
      if (canListen) await scope.openSavepoint();
      const plan = planDirectWrite(guard, scope, graph, call.options);
      direct = plan && new DirectWrite(guard, scope, plan);
      if (direct === undefined) {
        const options = transactionOptions(guard, call, graph, isOneRow);
        result = await runInSave(guard, scope, () => call.proceed(options));
      } else {
        const write = direct;
        const queryRunner = call.manager.queryRunner ?? (own = guard.dataSource.createQueryRunner());
        await (isWatched(guard)
          ? runBesideSave(guard, scope, () => write.execute(queryRunner))
          : write.execute(queryRunner));
        if (write.refused.length > 0) scope.refuse(write.refused);
        result = call.entity;
      }
      const completing = scope.complete();
      if (completing !== undefined) await completing;
    } catch (error) {
      await scope.undo();
      // What a listener failed after has been written all the same, unless it was undone.
      if (scope.isUndoable) memory.restore();
      else settle();
      if (!(error instanceof WriteRefused)) throw error;
      throw await conflictsOf(guard, scope, error.rows, own ?? call.manager.queryRunner);
    }
    settle();
    return result;
  } finally {
    if (own !== undefined) await own.release();
  }
}

/** Whether code of somebody else's may be called by the statements of a direct write. */
function isWatched(guard: Guard): boolean {
  return guard.options.locks !== undefined || isToldOfQueries(guard) || isToldOfTransactions(guard);
}

function prepare(
  guard: Guard,
  scope: SaveScope,
  { entities }: EntityGraph,
  queryRunner: QueryRunner,
): Promise<void> | undefined {
  if (guard.options.locks === undefined && scope.rootLinks.length === 0) return undefined;
  return refuseLockedEntities(guard, scope, entities, queryRunner).then(() =>
    scope.rootLinks.length === 0
      ? undefined
      : runBesideSave(guard, scope, () => raiseRoots(guard, scope, queryRunner)),
  );
}

// PostgreSQL would give two writes of one row in one transaction the same xmin.
function needsSubtransaction(guard: Guard, { entities }: EntityGraph): boolean {
  return entities.some(({ metadata }) => guard.describe(metadata)?.versionSource?.kind === "xmin");
}

// One would undo what the other changed, or both would be written on top of what only one of them has read.
function refuseTwoChangedObjects({ dataSource: { driver } }: Guard, scope: SaveScope): void {
  if (scope.mode !== "save") return;
  for (const row of scope.rows.values()) {
    row.writer(driver);
    if (!row.hasRivals(driver)) continue;
    throw new UncheckedWriteError(
      formatRow(row.description.metadata.name, row.id),
      `is in this save as two objects that were both changed, and neither has what the other one changed. Save one of ` +
        `them, with both changes.`,
    );
  }
}

/** The query runner whose open transaction the save takes part in. */
function openTransaction(guard: Guard, manager: EntityManager): QueryRunner | undefined {
  const queryRunner = manager.queryRunner ?? guard.sharedQueryRunner;
  const isNested = guard.dataSource.driver.transactionSupport === "nested";
  return queryRunner?.isTransactionActive && isNested ? queryRunner : undefined;
}

// Whether something is missing from an object that was never loaded only matters once its row is found to exist.
function refuseIncompleteObjects(guard: Guard, scope: SaveScope): void {
  const { driver } = guard.dataSource;
  for (const row of scope.rows.values()) {
    if (!row.isSubject || (scope.mode === "save" && !row.isTracked)) continue;
    if (!row.description.updatesAllColumns && row.objects.every(({ missing }) => missing.length === 0))
      continue;
    if (scope.mode !== "save") decideOnMissingToken(guard, row, scope.callSite);
    else if (row.isChanged(driver) && !row.isUnversionedChange(driver)) {
      decideOnMissingToken(guard, row, scope.callSite, row.changedColumns(driver));
      refusePartialRow(row);
    }
  }
}

// Without a transaction a refusal half-way would leave what was written before it.
function transactionOptions(
  guard: Guard,
  { mode, options }: PersistCall,
  graph: EntityGraph,
  isOneRow: boolean,
): SaveOptions | undefined {
  if (options?.transaction === false) {
    return isOneRow && !readsTokensBack(guard, graph) ? options : { ...options, transaction: true };
  }
  return isOneRow && needsNoTransaction(guard, mode, graph) ? { ...options, transaction: false } : options;
}
