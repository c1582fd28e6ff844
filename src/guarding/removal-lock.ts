import type { QueryRunner } from "typeorm";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import type { SaveScope } from "./save-scope";
import { isAsExpected, readTokens } from "./token-reader";

/**
 * Whether deleting one of a remove's rows lets the database delete another of them: TypeORM then deletes a row that is
 * already gone, which its own DELETE cannot tell from one that somebody else has deleted.
 */
export function cascadesWithin(scope: SaveScope): boolean {
  const tables = new Set([...scope.rows.values()].map(({ description }) => description.metadata.tablePath));
  return (
    scope.rows.size > 1 &&
    [...scope.rows.values()].some(({ description: { metadata } }) =>
      metadata.foreignKeys.some(
        ({ onDelete, referencedEntityMetadata }) =>
          onDelete === "CASCADE" && tables.has(referencedEntityMetadata.tablePath),
      ),
    )
  );
}

/** Locks rows, inside the save's transaction, and refuses the save if one of them is not as expected. */
export async function lockRowsAsExpected(
  guard: Guard,
  scope: SaveScope,
  rows: readonly GuardedRow[],
  queryRunner: QueryRunner,
): Promise<void> {
  const stale: GuardedRow[] = [];
  for (const description of new Set(rows.map((row) => row.description))) {
    const ofEntity = rows.filter((row) => row.description === description);
    const ids = ofEntity.map(({ id }) => id);
    const actual = await readTokens(guard, queryRunner, description, ids, "to-hold");
    stale.push(
      ...ofEntity.filter((row) =>
        row
          .expectationsFor()
          .some((expected) => expected.size > 0 && !isAsExpected(guard, expected, actual.get(row.key))),
      ),
    );
  }
  if (stale.length > 0) scope.refuse(stale);
}
