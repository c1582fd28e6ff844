import type { ObjectLiteral, QueryBuilder, QueryRunner } from "typeorm";
import { rowKey } from "../metadata/row-identity";
import type { WrittenRow } from "../metadata/written-row";
import { metadataOf, targetsOf } from "./builder-targets";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { queryRunnerOf } from "./query-runner-of";
import type { SaveScope } from "./save-scope";

/** @throws EntityLockedError for a row that another operation has locked; LeaseLostError, LocksUnavailableError. */
export async function refuseLockedRow(
  guard: Guard,
  write: string,
  { description: { metadata }, id }: GuardedRow,
  queryRunner: QueryRunner,
): Promise<void> {
  await guard.options.locks?.refuseLockedRows(write, [{ metadata, id }], queryRunner);
}

/** Refuses a save, all of it at once, when another operation has locked a row that it is going to write. */
export async function refuseLockedEntities(
  guard: Guard,
  scope: SaveScope,
  entities: readonly GraphEntity[],
  queryRunner: QueryRunner,
): Promise<void> {
  if (guard.options.locks === undefined) return;
  const { driver } = guard.dataSource;
  const rows = entities.flatMap(({ id, isRoot, key, metadata, role }) => {
    if (id === undefined || role !== "written") return [];
    const row = scope.rows.get(key ?? "");
    // Of what else may be unchanged, the statement tells.
    const isWritten = row?.isTracked === true ? row.isSubject && row.isChanged(driver) : isRoot;
    return isWritten || scope.mode !== "save" ? [{ metadata, id }] : [];
  });
  await refuseUnlessFree(guard, scope, rows, queryRunner);
}

/** Refuses to raise aggregate roots that another operation has locked. */
export async function refuseLockedRoots(
  guard: Guard,
  scope: SaveScope,
  roots: Iterable<GuardedRow>,
  queryRunner: QueryRunner,
): Promise<void> {
  const rows = [...roots].map(({ description: { metadata }, id }) => ({ metadata, id }));
  await refuseUnlessFree(guard, scope, rows, queryRunner);
}

/** Refuses a statement of a save on rows that nobody could know of before: members that it attaches or detaches. */
export async function refuseLockedTargets(
  guard: Guard,
  scope: SaveScope,
  builder: QueryBuilder<ObjectLiteral>,
): Promise<void> {
  const queryRunner = queryRunnerOf(builder);
  const metadata = metadataOf(builder);
  if (guard.options.locks === undefined || queryRunner === undefined || metadata === undefined) return;
  const rows = targetsOf(builder).flatMap((target) => {
    const id = metadata.getEntityIdMap(target);
    return id === undefined ? [] : [{ metadata, id }];
  });
  await refuseUnlessFree(guard, scope, rows, queryRunner);
}

// Each row of a save once.
async function refuseUnlessFree(
  guard: Guard,
  scope: SaveScope,
  rows: readonly WrittenRow[],
  queryRunner: QueryRunner,
): Promise<void> {
  const { locks } = guard.options;
  if (locks === undefined) return;
  const asked = rows.filter(({ id, metadata }) => {
    const key = rowKey(metadata, id);
    if (key === undefined || scope.unlockedRows.has(key)) return false;
    scope.unlockedRows.add(key);
    return true;
  });
  if (asked.length > 0) await locks.refuseLockedRows(`a ${scope.mode}`, asked, queryRunner);
}
