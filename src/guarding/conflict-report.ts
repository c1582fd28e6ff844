import type { ObjectLiteral, QueryRunner } from "typeorm";
import type { Conflict, ConflictOperation } from "../errors/conflict";
import type { OptimisticLockError } from "../errors/optimistic-lock-error";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { PersistMode } from "./entity-graph";
import { toRecord, type Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow, RowObject } from "./guarded-row";
import { refusal } from "./refusal";
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
  const { driver } = guard.dataSource;
  const isRefused = new Set(refused);
  const suspects = [...scope.rows.values()].filter(
    (row) =>
      isRefused.has(row) ||
      scope.raisedRoots.has(row) ||
      (row.isSubject &&
        (scope.mode !== "save" || (row.isChanged(driver) && !row.isUnversionedChange(driver)))),
  );
  const actual = await readActual(guard, suspects, queryRunner);
  // A row that the save was to insert is not there, which is no conflict.
  const isNew = (row: GuardedRow): boolean =>
    scope.mode === "save" &&
    !isRefused.has(row) &&
    !row.isTracked &&
    !row.carriesVersion &&
    !actual.has(row.key);
  const found = suspects
    .filter((row) => !isNew(row))
    .flatMap((row) => conflictsOfRow(guard, scope, row, actual.get(row.key), false));
  const conflicts =
    found.length > 0
      ? found
      : refused.flatMap((row) => conflictsOfRow(guard, scope, row, actual.get(row.key), true));
  return refusal(guard, conflicts as [Conflict, ...Conflict[]]);
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
  const { compare, updatesAllColumns } = row.description;
  const isPartial = scope.mode === "save" && compare !== undefined && !updatesAllColumns;
  const changed = isPartial ? row.changedColumns(guard.dataSource.driver) : undefined;
  const conflicting = row.objects.filter(
    (object) =>
      isCertain ||
      (object.role !== "member" && !isAsExpected(guard, row.expectationOf(object, changed), actual)),
  );
  return withoutRepeatedRoots(conflicting).map((object) =>
    conflictOf(row.description, row.id, {
      operation: object.role === "root" ? "touch" : operations[scope.mode],
      expectedBy: object.expectedBy,
      expected: row.expectationOf(object, changed),
      actual,
      entity: object.entity,
    }),
  );
}

// Of objects that are only there as the root of something one stands for all.
function withoutRepeatedRoots(objects: readonly RowObject[]): readonly RowObject[] {
  const others = objects.filter(({ role }) => role !== "root");
  return others.length > 0 ? others : objects.slice(0, 1);
}

/** A conflict as data, from what was expected of a row and what it holds; undefined for a row that is gone. */
export function conflictOf(
  { compared, metadata }: EntityDescription,
  id: ObjectLiteral,
  {
    actual,
    entity,
    expected,
    expectedBy,
    operation,
  }: Pick<Conflict, "operation" | "expectedBy"> & {
    readonly expected: Expectation;
    readonly actual: Expectation | undefined;
    readonly entity?: ObjectLiteral | undefined;
  },
): Conflict {
  const isShown = (token: Column): boolean => !compared.has(token) || expected.has(token);
  return {
    entityName: metadata.name,
    target: metadata.target,
    id,
    operation,
    reason: actual === undefined ? "deleted" : "modified",
    expectedBy,
    expected: toRecord(expected),
    actual: actual === undefined ? null : toRecord(actual, isShown),
    ...(compared.size > 0
      ? {
          compared: [...expected.keys()]
            .filter((token) => compared.has(token))
            .map(({ propertyPath }) => propertyPath),
        }
      : {}),
    ...(entity === undefined ? {} : { entity }),
  };
}
