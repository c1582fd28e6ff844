import type { QueryRunner } from "typeorm";
import type { Conflict, ConflictOperation } from "../errors/conflict";
import { OptimisticLockError } from "../errors/optimistic-lock-error";
import type { PersistMode } from "./entity-graph";
import { toRecord, type Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import type { SaveScope } from "./save-scope";
import { isAsExpected, readTokens } from "./token-reader";

const operations: Readonly<Record<PersistMode, ConflictOperation>> = {
  save: "update",
  remove: "remove",
  "soft-remove": "soft-remove",
  recover: "recover",
};

/**
 * The error of a save that was refused and undone. The database has told that one statement did not find its rows
 * as expected; what the rows hold now, and which others of the save would have failed, is read here.
 */
export async function conflictsOf(
  guard: Guard,
  scope: SaveScope,
  refused: readonly GuardedRow[],
  queryRunner: QueryRunner | undefined,
): Promise<OptimisticLockError> {
  const suspects = [...scope.rows.values()].filter(
    (row) =>
      row.isSubject &&
      (refused.includes(row) || scope.mode !== "save" || row.isChanged(guard.dataSource.driver)),
  );
  const actual = await readActual(guard, [...new Set([...suspects, ...refused])], queryRunner);
  const found = suspects.flatMap((row) => conflictsOfRow(guard, scope, row, actual.get(row.key), false));
  const conflicts =
    found.length > 0
      ? found
      : refused.flatMap((row) => conflictsOfRow(guard, scope, row, actual.get(row.key), true));
  return new OptimisticLockError(conflicts as [Conflict, ...Conflict[]]);
}

async function readActual(
  guard: Guard,
  rows: readonly GuardedRow[],
  queryRunner: QueryRunner | undefined,
): Promise<Map<string, Expectation>> {
  const actual = new Map<string, Expectation>();
  const own = queryRunner ?? guard.dataSource.createQueryRunner("master");
  try {
    for (const description of new Set(rows.map((row) => row.description))) {
      const ids = rows.filter((row) => row.description === description).map(({ id }) => id);
      for (const [key, tokens] of await readTokens(guard, own, description, ids)) actual.set(key, tokens);
    }
  } finally {
    if (queryRunner === undefined) await own.release();
  }
  return actual;
}

function conflictsOfRow(
  guard: Guard,
  scope: SaveScope,
  row: GuardedRow,
  actual: Expectation | undefined,
  isCertain: boolean,
): Conflict[] {
  const { metadata } = row.description;
  return row.objects
    .filter(({ role }) => isCertain || role === "written")
    .filter(({ expectation }) => isCertain || !isAsExpected(guard, expectation, actual))
    .map(({ entity, expectation }) => ({
      entityName: metadata.name,
      target: metadata.target,
      id: row.id,
      operation: operations[scope.mode],
      reason: actual === undefined ? "deleted" : "modified",
      expectedBy: "load",
      expected: toRecord(expectation),
      actual: actual === undefined ? null : toRecord(actual),
      entity,
    }));
}
