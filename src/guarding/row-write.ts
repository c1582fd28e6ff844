import { UpdateResult, type EntityMetadata, type ObjectLiteral } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { RowValues, writtenColumns } from "../tracking/row-values";
import type { RowBuilder } from "./builder-class";
import { metadataOf, targetsOf } from "./builder-targets";
import { withoutEmptyForeignKeys } from "./empty-foreign-keys";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { isOwnStatement } from "./own-statements";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";
import { isWholeKey, rowKey } from "../metadata/row-identity";
import { currentScope, runStatement } from "./save-flow";
import type { SaveScope } from "./save-scope";
import { planVersion } from "./statement-version";
import { inOwnSubtransaction } from "./subtransaction";
import { isAsExpected } from "./token-reader";
import { movePaths } from "./tree-paths";
import { refuseUnseenSave } from "./unseen-save";
import { movesPaths } from "./version-in-statement";
import { isUnversionedWrite, versionFor } from "./version-plan";
import { withWholeRow } from "./whole-row";
import { askForTokens, keepTokensFromMerge, readRowTokens, tokensAfter } from "./written-tokens";

/**
 * Executes an UPDATE, soft-delete or restore. Inside a save the row it writes by key is written under the
 * condition that it is as the save expects; elsewhere there is no loaded entity to check.
 *
 * @param values what the statement sets, in the form of an entity; undefined for a soft-delete or restore.
 */
export async function executeRowWrite(
  guard: Guard,
  builder: RowBuilder,
  values: ObjectLiteral | undefined,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  if (isOwnStatement(builder)) return execute();
  const scope = currentScope(guard);
  const metadata = metadataOf(builder);
  const row = scope && metadata && !movesPaths(builder) ? targetRow(scope, metadata, builder) : undefined;
  const { callListeners, whereEntities } = builder.expressionMap;
  if (scope !== undefined && row !== undefined) {
    const changes = values && !callListeners ? withoutEmptyForeignKeys(row, values) : values;
    if (changes !== values && Object.keys(changes ?? {}).length === 0) return nothingWritten();
    return runStatement(guard, scope, callListeners ? "listener" : "row", builder, () =>
      writeRow(guard, scope, row, builder, changes, execute),
    );
  }
  const origin = callListeners ? "listener" : "save";
  const description = metadata && guard.describe(metadata);
  if (metadata === undefined || description === undefined) {
    return runStatement(guard, scope, origin, builder, execute);
  }
  const isOfSave = !callListeners && whereEntities.some((entity) => isWholeKey(metadata, entity));
  if (isOfSave) refuseUnseenSave(metadata);
  const written = values === undefined ? undefined : writtenColumns(description.shape, values);
  planWrite(description, undefined, builder, values ?? {}, written);
  const write = (): Promise<UpdateResult> => inOwnSubtransaction(guard, description, builder, execute);
  const result = await runStatement(guard, scope, origin, builder, () =>
    movesPaths(builder) ? movePaths(guard, scope, description, builder, write) : write(),
  );
  // TypeORM has given them the row's new version; what else they hold is no longer what they were loaded with.
  for (const entity of whereEntities) guard.tracker.forget(entity);
  return result;
}

function nothingWritten(): UpdateResult {
  return Object.assign(new UpdateResult(), { raw: [], affected: 0, generatedMaps: [] });
}

/** Decides what the statement does to the version; returns whether that is anything. */
function planWrite(
  description: EntityDescription,
  row: GuardedRow | undefined,
  builder: RowBuilder,
  values: ObjectLiteral,
  written: ReadonlySet<Column> | undefined,
): boolean {
  const isVersioned = written === undefined || !isUnversionedWrite(description, written);
  planVersion(builder, isVersioned ? versionFor(description, row, values) : { step: "keep" });
  return isVersioned;
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
  values: ObjectLiteral | undefined,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  const { description } = row;
  const { callListeners } = builder.expressionMap;
  const isOfSave = !callListeners && values !== undefined;
  const changed = values === undefined ? undefined : writtenColumns(description.shape, values);
  const entity = !callListeners && row.isSubject ? row.subject.entity : (values ?? {});
  if (!planWrite(description, row, builder, entity, changed)) {
    const written = RowValues.of(description.shape, values ?? {});
    if (values !== undefined) builder.expressionMap.valuesSet = values;
    return writeUnversioned(guard, scope, row, builder, written, execute);
  }
  const whole = isOfSave ? withWholeRow(row, values) : values;
  const columns = whole === undefined ? undefined : writtenColumns(description.shape, whole);
  // A member that was named by its key alone gets a foreign key, as by an update(): there is nothing to check.
  if (row.isSubject) decideOnMissingToken(guard, row, scope.callSite, columns);
  const condition = rowCondition(guard, description, row.expectationsFor(columns), "expected_");
  if (condition !== undefined) builder.andWhere(condition.sql, condition.parameters);
  if (whole !== undefined) builder.expressionMap.valuesSet = whole;
  const written = RowValues.of(description.shape, whole ?? {});
  askForTokens(guard, row, builder, columns);

  const result = await execute();
  const affected = requireCount(guard, row, result.affected);
  if (affected === 0) {
    const isRefused =
      row.isSubject &&
      !scope.isUnchecked &&
      (builder.expressionMap.queryType === "update" || !(await isUnchangedRow(guard, row, builder)));
    return isRefused || (condition !== undefined && !row.isSubject) ? scope.refuse([row]) : result;
  }
  const tokens = await tokensAfter(guard, row, builder, columns ?? new Set(), result);
  if (callListeners) row.advance(tokens);
  else row.write(written, tokens, (result.generatedMaps[0] ??= {}));
  keepTokensFromMerge(row, result);
  return result;
}

// Neither checks nor raises; only a row that is gone is a conflict. What TypeORM would read back is left alone: with the
// row's present version a stale entity would pass for a fresh one.
async function writeUnversioned(
  guard: Guard,
  scope: SaveScope,
  row: GuardedRow,
  builder: RowBuilder,
  written: RowValues,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  builder.expressionMap.updateEntity = false;
  const result = await execute();
  if (requireCount(guard, row, result.affected) === 0 && row.isSubject && !scope.isUnchecked)
    scope.refuse([row]);
  if (!builder.expressionMap.callListeners) row.write(written, undefined, undefined);
  return result;
}

// TypeORM soft-deletes only rows that are not, and restores only rows that are: a row that is so already, with the
// expected tokens, is what its writer wanted.
async function isUnchangedRow(guard: Guard, row: GuardedRow, builder: RowBuilder): Promise<boolean> {
  const actual = await readRowTokens(guard, row, builder);
  return row.expectationsFor().every((expected) => isAsExpected(guard, expected, actual));
}
