import type { EntityMetadata, ObjectLiteral, UpdateQueryBuilder, UpdateResult } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import { RowValues } from "../tracking/row-values";
import type { SoftDeleteBuilder } from "./builder-class";
import { metadataOf, targetsOf } from "./builder-targets";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";
import { isWholeKey, rowKey } from "./row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { isAsExpected } from "./token-reader";
import { movesPaths } from "./version-in-statement";
import { askForTokens, keepTokensFromMerge, readRowTokens, tokensAfter } from "./written-tokens";

export type RowBuilder = UpdateQueryBuilder<ObjectLiteral> | SoftDeleteBuilder;

/**
 * Executes an UPDATE, soft-delete or restore. Inside a save the row it writes by key is written under the
 * condition that it is as the save expects; elsewhere there is no loaded entity to check.
 *
 * @param values what the statement sets, in the form of an entity.
 */
export async function executeRowWrite(
  guard: Guard,
  builder: RowBuilder,
  values: ObjectLiteral,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  const scope = currentScope(guard);
  const metadata = metadataOf(builder);
  const row = scope && metadata && !movesPaths(builder) ? targetRow(scope, metadata, builder) : undefined;
  const { callListeners, whereEntities } = builder.expressionMap;
  if (scope !== undefined && row !== undefined) {
    const origin = callListeners ? "listener" : "row";
    return runStatement(guard, scope, origin, () => writeRow(guard, scope, row, builder, values, execute));
  }
  if (metadata === undefined || guard.describe(metadata) === undefined) {
    return runStatement(guard, scope, callListeners ? "listener" : "save", execute);
  }
  const isOfSave = !callListeners && whereEntities.some((entity) => isWholeKey(metadata, entity));
  if (isOfSave) refuseUnseenSave(metadata);
  const result = await runStatement(guard, scope, callListeners ? "listener" : "save", execute);
  // TypeORM has given them the row's new version; what else they hold is no longer what they were loaded with.
  for (const entity of whereEntities) guard.tracker.forget(entity);
  return result;
}

/** Refuses a statement of TypeORM's persistence that has no save of the guard's around it. */
export function refuseUnseenSave(metadata: EntityMetadata): never {
  throw new UncheckedWriteError(
    metadata.name,
    `was saved on a way that the guard does not see, by an EntityManager that is older than the guard or that ` +
      `was made without it. Call guardDataSource before anything takes a manager or repository from the DataSource.`,
  );
}

function targetRow(scope: SaveScope, metadata: EntityMetadata, builder: RowBuilder): GuardedRow | undefined {
  const [id, ...others] = targetsOf(builder);
  if (id === undefined || others.length > 0 || !isWholeKey(metadata, id)) return undefined;
  if (builder.expressionMap.wheres.length > 1) return undefined;
  const key = rowKey(metadata, id);
  return key === undefined ? undefined : scope.findRow(key);
}

async function writeRow(
  guard: Guard,
  scope: SaveScope,
  row: GuardedRow,
  builder: RowBuilder,
  values: ObjectLiteral,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  // A member that was named by its key alone gets a foreign key, as by an update(): there is nothing to check.
  if (row.isSubject) decideOnMissingToken(guard, row, scope.callSite);
  const condition = rowCondition(guard, row, "expected_");
  if (condition !== undefined) builder.andWhere(condition.sql, condition.parameters);
  const written = RowValues.of(row.description.metadata, values);
  askForTokens(guard, row, builder);

  const result = await execute();
  const affected = requireCount(guard, row, result.affected);
  if (affected === 0) {
    const isRefused =
      condition !== undefined &&
      (builder.expressionMap.queryType === "update" || !(await isUnchangedRow(guard, row, builder)));
    return isRefused ? scope.refuse([row]) : result;
  }
  const tokens = await tokensAfter(guard, row, builder, written, result);
  if (builder.expressionMap.callListeners) row.advance(tokens);
  else row.write(written, tokens, (result.generatedMaps[0] ??= {}));
  keepTokensFromMerge(row, result);
  return result;
}

// TypeORM soft-deletes only rows that are not, and restores only rows that are: a row that is so already, with the
// expected tokens, is what its writer wanted.
async function isUnchangedRow(guard: Guard, row: GuardedRow, builder: RowBuilder): Promise<boolean> {
  const actual = await readRowTokens(guard, row, builder);
  return row.expectations.every((expected) => isAsExpected(guard, expected, actual));
}
