import type { EntityManager, ObjectLiteral, QueryRunner } from "typeorm";
import type { Conflict } from "../errors/conflict";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import { conflictOf } from "./conflict-report";
import { descriptionOfEntity } from "./expected-row";
import { withQueryRunner } from "./primary";
import type { Guard } from "./guard";
import { guardOfManager } from "./guard-of";
import type { GuardedRow } from "./guarded-row";
import { decideOnMissingToken } from "./missing-token";
import { refusal } from "./refusal";
import { rowOfEntity } from "./row-enlistment";
import { isAsExpected, readTokens, type ReadPurpose } from "./token-reader";

/**
 * Makes sure that entities which were only read are still as they were read: a price that an order was made with, a
 * limit that was checked. They are looked at now and, in a transaction, once more right before it commits, under a lock
 * that is held until then; so nothing has changed under the transaction's feet when it is committed.
 *
 * Outside a transaction it says how things are at the moment, and no more. On SQLite the transaction must write something
 * itself, which there is refused when another connection has written since it began to read.
 *
 * @param manager the transaction's manager.
 * @param entities one loaded entity or several, of guarded entities.
 * @throws OptimisticLockError, here or from the commit, for those that have changed or are gone; MissingTokenError for an
 * entity that was loaded without its token; UncheckedWriteError for one that has nothing to be checked by or no key.
 */
export async function verifyUnchanged<E extends ObjectLiteral>(
  manager: EntityManager,
  entities: E | readonly E[],
): Promise<void> {
  const guard = guardOfManager(manager);
  const all: readonly ObjectLiteral[] = Array.isArray(entities) ? entities : [entities];
  const rows = rowsOf(guard, all);
  if (rows.length === 0) return;
  for (const row of rows) decideOnMissingToken(guard, row, undefined);
  await withQueryRunner(guard, manager.queryRunner, (queryRunner) =>
    refuseChanged(guard, queryRunner, rows, "to-glance"),
  );
  const { queryRunner } = manager;
  if (queryRunner?.isTransactionActive) guard.verifications.add(queryRunner, all);
}

/**
 * Verifies what has been put off until the commit of a transaction that is about to be committed.
 *
 * @returns undefined where nothing has been.
 */
export function verifyBeforeCommit(guard: Guard, queryRunner: QueryRunner): Promise<void> | undefined {
  const entities = guard.verifications.take(queryRunner).filter((entity) => !guard.tracker.isRemoved(entity));
  if (entities.length === 0) return undefined;
  // What the transaction itself has saved of them meanwhile is their original by now.
  return refuseChanged(guard, queryRunner, rowsOf(guard, entities), "to-hold");
}

function rowsOf(guard: Guard, entities: readonly ObjectLiteral[]): GuardedRow[] {
  return entities.map((entity) => {
    const description = descriptionOfEntity(guard, entity);
    const row = rowOfEntity(guard, description, entity);
    if (row !== undefined) return row;
    throw new UncheckedWriteError(
      description.metadata.name,
      `cannot be verified before it has been saved: it has no complete key.`,
    );
  });
}

async function refuseChanged(
  guard: Guard,
  queryRunner: QueryRunner,
  rows: readonly GuardedRow[],
  purpose: ReadPurpose,
): Promise<void> {
  const conflicts: Conflict[] = [];
  for (const description of new Set(rows.map((row) => row.description))) {
    const ofEntity = rows.filter((row) => row.description === description);
    const ids = ofEntity.map(({ id }) => id);
    const actual = await readTokens(guard, queryRunner, description, ids, purpose);
    for (const row of ofEntity) {
      const { entity, expectation, expectedBy } = row.subject;
      const found = actual.get(row.key);
      if (isAsExpected(guard, expectation, found)) continue;
      conflicts.push(
        conflictOf(description, row.id, {
          operation: "verify",
          expectedBy,
          expected: expectation,
          actual: found,
          entity,
        }),
      );
    }
  }
  const [first, ...others] = conflicts;
  if (first !== undefined) throw refusal(guard, [first, ...others]);
}
