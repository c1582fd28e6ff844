import type { Guard } from "./guard";
import type { EntityGraph, PersistMode } from "./entity-graph";
import { isFragile } from "./fragile-entity";
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
    // A session in which autocommit was turned off would never commit it.
    guard.dialect !== "mysql" &&
    guard.dialect !== "mariadb" &&
    graph.entities.every(
      (node) =>
        node.role === "member" ||
        (!hasListeners(mode, node.metadata) &&
          !isReadAfter(guard, mode, node) &&
          !isFragileNode(guard, node)),
    ) &&
    !readsTokensBack(guard, graph) &&
    !isToldOfTransactions(guard)
  );
}

function isFragileNode(guard: Guard, { entity, metadata }: EntityGraph["entities"][number]): boolean {
  const description = guard.describe(metadata);
  return description !== undefined && isFragile(description, entity);
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
