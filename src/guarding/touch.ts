import type { EntityManager, ObjectLiteral } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import { descriptionOfEntity, refusalOf } from "./expected-row";
import { runOnPrimary } from "./primary";
import { guardOfManager } from "./guard-of";
import { refuseLockedRow } from "./locked-rows";
import { decideOnMissingToken } from "./missing-token";
import { rowOfEntity } from "./row-enlistment";
import { raiseRow } from "./row-touch";
import { settleRaisedRow } from "./settlement";
import { TokenMemory } from "./token-memory";

/**
 * Raises the version of an entity's row without another change, if the row still is as the entity was loaded: whoever
 * else has read it is refused from then on. What was edited in the entity stays an edit, to be saved.
 *
 * @param manager in whose transaction it happens, if it has one.
 * @param entity a loaded entity with a row version.
 * @returns the same entity, with its new version.
 * @throws OptimisticLockError when the row has another version or is gone; MissingTokenError for an entity that was
 * loaded without its version; UncheckedWriteError for one that has no row version or no key; EntityLockedError where
 * another operation has locked it.
 */
export async function touch<E extends ObjectLiteral>(manager: EntityManager, entity: E): Promise<E> {
  const guard = guardOfManager(manager);
  const description = descriptionOfEntity(guard, entity);
  const { metadata } = description;
  return runOnPrimary(
    guard,
    manager,
    description,
    async (queryRunner) => {
      const row = rowOfEntity(guard, description, entity);
      if (row === undefined || description.rowVersion === undefined) {
        throw new UncheckedWriteError(
          metadata.name,
          row === undefined
            ? `cannot be touched before it has been saved: it has no complete key.`
            : `cannot be touched: it has no row version that could be raised. Give it a @RowVersion().`,
        );
      }
      decideOnMissingToken(guard, row, undefined);
      await refuseLockedRow(guard, "a touch", row, queryRunner);
      const memory = new TokenMemory(guard, [{ metadata, entity }]);
      const tokens = await raiseRow(guard, queryRunner, row);
      if (tokens === undefined) throw await refusalOf(guard, queryRunner, row, "touch", entity);
      settleRaisedRow(guard, row, tokens);
      guard.journal.record(queryRunner, () => memory.restore());
      return entity;
    },
    entity,
  );
}
