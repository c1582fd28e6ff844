import {
  Brackets,
  type DeleteQueryBuilder,
  type DeleteResult,
  type ObjectLiteral,
  type QueryRunner,
} from "typeorm";
import { targetsOf } from "./builder-targets";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { cascadesWithin, lockRowsAsExpected } from "./removal-lock";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";
import { rowKey } from "./row-identity";
import type { SaveScope } from "./save-scope";

/**
 * Executes a DELETE. Inside a remove each row is deleted under the condition that it is as the remove expects, and
 * all of them must have been deleted; elsewhere there is no loaded entity to check.
 */
export async function executeRowsDelete(
  guard: Guard,
  builder: DeleteQueryBuilder<ObjectLiteral>,
  execute: () => Promise<DeleteResult>,
): Promise<DeleteResult> {
  const scope = guard.scope;
  const rows = scope?.mode === "remove" ? targetRows(scope, builder) : [];
  const [first] = rows;
  if (scope === undefined || first === undefined) return scope ? scope.write(execute, false) : execute();
  return scope.write(async () => {
    for (const row of rows) decideOnMissingToken(guard, row, scope.callSite);
    if (!scope.holdsRows && cascadesWithin(scope)) {
      const { queryRunner } = builder as unknown as { readonly queryRunner: QueryRunner };
      await lockRowsAsExpected(guard, scope, queryRunner);
      scope.holdsRows = true;
    }
    const checked = expectRows(guard, builder, rows);
    const result = await execute();
    const affected = requireCount(guard, first, result.affected);
    if (affected < checked && !scope.holdsRows) scope.refuse(rows);
    for (const row of rows) row.isRemoved = true;
    return result;
  }, true);
}

function targetRows(scope: SaveScope, builder: DeleteQueryBuilder<ObjectLiteral>): GuardedRow[] {
  const { mainAlias } = builder.expressionMap;
  if (!mainAlias?.hasMetadata) return [];
  const rows = new Set<GuardedRow>();
  for (const id of targetsOf(builder)) {
    const key = rowKey(mainAlias.metadata, id);
    const row = key === undefined ? undefined : scope.rows.get(key);
    if (row === undefined) return [];
    rows.add(row);
  }
  return [...rows];
}

/** Writes the WHERE anew; returns how many of the rows are checked by it. */
function expectRows(
  guard: Guard,
  builder: DeleteQueryBuilder<ObjectLiteral>,
  rows: readonly GuardedRow[],
): number {
  let checked = 0;
  builder.expressionMap.wheres = [];
  rows.forEach((row, index) => {
    const condition = rowCondition(guard, row, `expected_${index}_`);
    if (condition !== undefined) checked += 1;
    builder.orWhere(
      new Brackets((where) => {
        where.where(row.id);
        if (condition !== undefined) where.andWhere(condition.sql, condition.parameters);
      }),
    );
  });
  return checked;
}
