import type { Guard } from "./guard";
import type { EntityGraph, PersistMode } from "./entity-graph";
import { hasListeners, isToldOfTransactions } from "./observers";

/** Whether tokens are read by a SELECT after they were written, between which nobody else may write. */
export function readsTokensBack(guard: Guard, { entities }: EntityGraph): boolean {
  return (
    !guard.dataSource.driver.isReturningSqlSupported("update") &&
    entities.some(({ metadata }) => guard.describe(metadata)?.tokens.some((token) => !token.isVersion))
  );
}

/**
 * Whether a save of one row needs no transaction of its own: it is a single statement, nothing is asked before it or read
 * after it, and nobody is told of it who could undo it or would miss the transaction.
 */
export function needsNoTransaction(guard: Guard, mode: PersistMode, graph: EntityGraph): boolean {
  return (
    guard.options.directWrites &&
    guard.options.locks === undefined &&
    graph.entities.every(
      (node) =>
        node.role === "member" || (!hasListeners(mode, node.metadata) && !isReadAfter(guard, mode, node)),
    ) &&
    !readsTokensBack(guard, graph) &&
    !isToldOfTransactions(guard)
  );
}

// Without RETURNING TypeORM reads by a SELECT what the database has made.
function isReadAfter(
  { dataSource: { driver }, tracker }: Guard,
  mode: PersistMode,
  { entity, metadata }: EntityGraph["entities"][number],
): boolean {
  if (mode === "remove" || driver.isReturningSqlSupported("update")) return false;
  return (
    mode !== "save" ||
    tracker.originalOf(entity) === undefined ||
    metadata.columns.some((column) => column.asExpression !== undefined || column.isUpdateDate)
  );
}
