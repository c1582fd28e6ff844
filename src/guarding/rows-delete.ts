import type { DeleteQueryBuilder, DeleteResult, ObjectLiteral } from "typeorm";
import { metadataOf, targetsOf } from "./builder-targets";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { queryRunnerOf } from "./query-runner-of";
import { cascadesWithin, lockRowsAsExpected } from "./removal-lock";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";
import { isWholeKey, rowKey } from "../metadata/row-identity";
import { currentScope, isInSave, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { refuseUnseenSave } from "./unseen-save";

/**
 * Executes a DELETE. Inside a remove each row is deleted under the condition that it is as the remove expects, and
 * all of them must have been deleted; elsewhere there is no loaded entity to check.
 */
export async function executeRowsDelete(
  guard: Guard,
  builder: DeleteQueryBuilder<ObjectLiteral>,
  execute: () => Promise<DeleteResult>,
): Promise<DeleteResult> {
  const scope = currentScope(guard);
  const rows = scope?.mode === "remove" ? targetRows(scope, builder) : [];
  const [first] = rows;
  const { callListeners } = builder.expressionMap;
  if (scope === undefined || first === undefined) {
    if (!callListeners && !isInSave(guard)) refuseUnseenRemove(guard, builder);
    return runStatement(guard, scope, callListeners ? "listener" : "save", builder, execute);
  }
  return runStatement(guard, scope, "row", builder, async () => {
    for (const row of rows) decideOnMissingToken(guard, row, scope.callSite);
    const checkable = rows.filter((row) => row.missingFor().length === 0).length;
    const isMixed = checkable > 0 && checkable < rows.length;
    const queryRunner = queryRunnerOf(builder);
    if (queryRunner !== undefined && !scope.holdsRows && (isMixed || cascadesWithin(scope))) {
      const subjects = [...scope.rows.values()].filter(({ isSubject }) => isSubject);
      await lockRowsAsExpected(guard, scope, subjects, queryRunner);
      scope.holdsRows = true;
    }
    const checked = expectRows(guard, builder, rows);
    const result = await execute();
    const affected = requireCount(guard, first, result.affected);
    if (affected < checked && !scope.holdsRows) scope.refuse(rows);
    for (const row of rows) row.isRemoved = true;
    return result;
  });
}

// TypeORM's persistence deletes by a list of key maps, without calling listeners.
function refuseUnseenRemove(guard: Guard, builder: DeleteQueryBuilder<ObjectLiteral>): void {
  const metadata = metadataOf(builder);
  if (metadata === undefined || guard.describe(metadata) === undefined) return;
  const targets = targetsOf(builder);
  if (targets.length > 0 && targets.every((id) => isWholeKey(metadata, id))) refuseUnseenSave(metadata);
}

function targetRows(scope: SaveScope, builder: DeleteQueryBuilder<ObjectLiteral>): GuardedRow[] {
  const metadata = metadataOf(builder);
  if (metadata === undefined) return [];
  const found = targetsOf(builder).map((id) => {
    const key = rowKey(metadata, id);
    return key === undefined ? undefined : scope.rows.get(key);
  });
  const rows = found.filter((row) => row !== undefined);
  if (rows.length > 0 && rows.length < found.length) refuseUnseenSave(metadata);
  return [...new Set(rows)];
}

/** Writes the WHERE anew; returns how many of the rows are checked by it. */
function expectRows(
  guard: Guard,
  builder: DeleteQueryBuilder<ObjectLiteral>,
  rows: readonly GuardedRow[],
): number {
  let checked = 0;
  const conditions = rows.map((row, index) => {
    const expected = rowCondition(guard, row.description, row.expectationsFor(), `expected_${index}_`);
    if (expected === undefined) return keyCondition(builder, row, index);
    checked += 1;
    builder.setParameters(expected.parameters);
    return `(${keyCondition(builder, row, index)} AND ${expected.sql})`;
  });
  builder.expressionMap.wheres = [{ type: "simple", condition: anyOf(conditions) }];
  return checked;
}

function keyCondition(builder: DeleteQueryBuilder<ObjectLiteral>, row: GuardedRow, index: number): string {
  return row.description.metadata.primaryColumns
    .map((column, part) => {
      const name = `key_${index}_${part}`;
      builder.setParameter(name, column.getEntityValue(row.id, true));
      return `${builder.escape(column.databaseName)} = :${name}`;
    })
    .join(" AND ");
}

// As a balanced tree: SQLite allows an expression to be a thousand levels deep, and a chain of ORs is as deep as it
// is long.
function anyOf(conditions: readonly string[]): string {
  if (conditions.length <= 2) return conditions.join(" OR ");
  const middle = Math.ceil(conditions.length / 2);
  return `(${anyOf(conditions.slice(0, middle))}) OR (${anyOf(conditions.slice(middle))})`;
}
