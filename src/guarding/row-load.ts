import type { FindManyOptions, ObjectLiteral, SelectQueryBuilder } from "typeorm";
import { takeOriginal } from "../tracking/original";
import { shapeOf } from "../metadata/shape";
import { decideOnMissingToken } from "./missing-token";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { targetsOf } from "./builder-targets";
import { rowKey } from "../metadata/row-identity";
import { asInOriginal, hideVersionChange, overlay, setKey } from "./row-stand-in";
import { currentScope } from "./save-flow";
import { claimedMembers } from "./save-objects";
import type { SaveScope } from "./save-scope";
import { showOwnMembers } from "./stale-collections";

/*
 * TypeORM's save reads the rows it is about to write (SubjectDatabaseEntityLoader) and writes what differs from
 * them. With the row as it is now that is more than its caller changed: every stale column goes back into the row.
 * So the guard lets the SELECT run and hands TypeORM the original in place of what it found.
 *
 * Checked against TypeORM 0.3.31 and 1.1.1. Should a release read its rows in another way, the UPDATE still carries
 * the predicate; only a stale object that its caller has not changed would then be refused instead of left alone,
 * and the tests of unchanged entities notice.
 */

/** Whether find options are those of a save that reads the rows it is about to write. */
export function isRowLoadOfSave(guard: Guard, options: FindManyOptions<ObjectLiteral>): boolean {
  const scope = currentScope(guard);
  return (
    scope?.isWriting === false &&
    options.loadEagerRelations === false &&
    options.withDeleted === true &&
    typeof options.loadRelationIds === "object" &&
    options.loadRelationIds.disableMixedMap === true
  );
}

/** Gives each row that a save has read the values its object was loaded with. */
export function replaceRowsByOriginals(
  guard: Guard,
  builder: SelectQueryBuilder<ObjectLiteral>,
  found: ObjectLiteral[],
): void {
  const scope = currentScope(guard);
  const metadata = builder.expressionMap.mainAlias?.metadata;
  if (scope === undefined || metadata === undefined) return;
  const foundByKey = new Map(found.map((row) => [rowKey(metadata, row), row]));
  if (scope.rootLinks.length > 0) {
    for (const [key, row] of foundByKey)
      if (key !== undefined) scope.found.set(key, takeOriginal(shapeOf(metadata), row));
  }
  for (const key of new Set(targetsOf(builder).map((id) => rowKey(metadata, id)))) {
    const row = key === undefined ? undefined : scope.rows.get(key);
    if (!row?.isSubject) continue;
    const inDatabase = foundByKey.get(row.key);
    if (inDatabase !== undefined) becomeOriginal(guard, scope, row, inDatabase);
    else if (scope.mode === "save") {
      row.isAbsent = true;
      // TypeORM would insert it again.
      if ((row.isTracked || row.carriesVersion) && !scope.isUnchecked) scope.refuse([row]);
    } else if (scope.mode !== "remove" && !scope.isUnchecked) found.push(asInOriginal(row));
  }
}

function becomeOriginal(guard: Guard, scope: SaveScope, row: GuardedRow, inDatabase: ObjectLiteral): void {
  const { driver } = guard.dataSource;
  const { members, original } = row.subject;
  if (original === undefined) {
    row.setFound(inDatabase);
    if (row.isChanged(driver) && !row.isUnversionedChange(driver)) {
      decideOnMissingToken(guard, row, scope.callSite, row.changedColumns(driver));
    }
  } else {
    showOwnMembers(original, members, inDatabase, (relation) => claimedMembers(scope, relation));
    overlay(original, inDatabase);
  }
  hideVersionChange(row, inDatabase);
  // A form brings "1" where the database has 1, and TypeORM would take the row for another one.
  setKey(row, inDatabase);
}
