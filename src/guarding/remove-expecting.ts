import type { EntityManager, EntityTarget, ObjectLiteral } from "typeorm";
import { expectedRow, refusalOf } from "./expected-row";
import { refuseLockedRow } from "./locked-rows";
import { withQueryRunner } from "./primary";
import { asOwnStatement } from "./own-statements";
import { requireCount } from "./required-count";
import { rowCondition } from "./row-condition";

/**
 * Deletes one row without loading it, if it still has the expected version. Subscribers hear of it as of a `delete()`.
 *
 * @param manager in whose transaction it happens, if it has one.
 * @param target the entity.
 * @param id the key: a scalar, or an object of key properties.
 * @param token what {@link versionOf} gave for the row, or the value of its row version, which then is all that is checked.
 * @throws OptimisticLockError, never retryable, when the row has another version or is gone; InvalidVersionError;
 * UncheckedWriteError for an entity that is not guarded or an incomplete key; EntityLockedError where another operation
 * has locked it.
 */
export async function removeExpecting<E extends ObjectLiteral>(
  manager: EntityManager,
  target: EntityTarget<E>,
  id: unknown,
  token: unknown,
): Promise<void> {
  const { guard, row, expectation } = expectedRow(manager, target, id, token);
  const { metadata } = row.description;
  await withQueryRunner(guard, manager.queryRunner, async (queryRunner) => {
    await refuseLockedRow(guard, "a remove", row, queryRunner);
    const builder = guard.dataSource
      .createQueryBuilder(queryRunner)
      .delete()
      .from(metadata.target)
      .whereInIds([row.id]);
    const condition = rowCondition(guard, row.description, [expectation], "expected_");
    if (condition !== undefined) builder.andWhere(condition.sql, condition.parameters);
    const result = await asOwnStatement(builder).execute();
    if (requireCount(guard, row, result.affected) === 0)
      throw await refusalOf(guard, queryRunner, row, "remove");
  });
}
