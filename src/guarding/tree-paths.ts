import type { UpdateResult } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { RowBuilder } from "./builder-class";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { queryRunnerOf } from "./query-runner-of";
import { lockRowsAsExpected } from "./removal-lock";
import type { SaveScope } from "./save-scope";
import { readTokens } from "./token-reader";

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
  const rows = nodesOf(scope, description);
  await lockRowsAsExpected(guard, scope, rows, queryRunner);
  const result = await execute();
  const tokens = await readTokens(
    guard,
    queryRunner,
    description,
    rows.map(({ id }) => id),
  );
  for (const row of rows) {
    const now = tokens.get(row.key);
    if (now !== undefined) row.advance(now);
  }
  return result;
}

function nodesOf({ rows }: SaveScope, { metadata }: EntityDescription): GuardedRow[] {
  return [...rows.values()].filter(
    (row) =>
      row.description.metadata.tablePath === metadata.tablePath &&
      (row.isSubject || row.tokensAfter !== undefined),
  );
}
