import type { ObjectLiteral, QueryRunner, UpdateResult } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { RowBuilder } from "./builder-class";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { queryRunnerOf } from "./query-runner-of";
import type { SaveScope } from "./save-scope";
import { isAsExpected, readTokens } from "./token-reader";

/**
 * Executes the UPDATE by which TypeORM's save moves the paths of a materialized-path tree, before or after it writes the
 * node itself. It raises no version, but xmin and triggers change theirs with it: so the nodes of the save are checked
 * before, under a lock, and their new versions read after it.
 */
export async function movePaths(
  guard: Guard,
  scope: SaveScope | undefined,
  description: EntityDescription,
  builder: RowBuilder,
  execute: () => Promise<UpdateResult>,
): Promise<UpdateResult> {
  const kind = description.versionSource?.kind;
  const queryRunner = queryRunnerOf(builder);
  if (scope === undefined || queryRunner === undefined || (kind !== "xmin" && kind !== "database"))
    return execute();
  await refuseStaleNodes(guard, scope, description, queryRunner);
  const result = await execute();
  const rows = nodesOf(scope, description);
  const tokens = await readTokens(guard, queryRunner, description, idsOf(rows));
  for (const row of rows) {
    const now = tokens.get(row.key);
    if (now !== undefined) row.advance(now);
  }
  return result;
}

async function refuseStaleNodes(
  guard: Guard,
  scope: SaveScope,
  description: EntityDescription,
  queryRunner: QueryRunner,
): Promise<void> {
  const rows = nodesOf(scope, description);
  const actual = await readTokens(guard, queryRunner, description, idsOf(rows), "to-hold");
  const stale = rows.filter((row) =>
    row.expectationsFor().some((expected) => !isAsExpected(guard, expected, actual.get(row.key))),
  );
  if (stale.length > 0) scope.refuse(stale);
}

function nodesOf({ rows }: SaveScope, { metadata }: EntityDescription): GuardedRow[] {
  return [...rows.values()].filter(
    (row) =>
      row.description.metadata.tablePath === metadata.tablePath &&
      (row.isSubject || row.tokensAfter !== undefined),
  );
}

function idsOf(rows: readonly GuardedRow[]): ObjectLiteral[] {
  return rows.map(({ id }) => id);
}
