import {
  EntityNotFoundError,
  FindOperator,
  type DataSource,
  type EntityMetadata,
  type EntityTarget,
  type ObjectLiteral,
  type QueryRunner,
} from "typeorm";
import { formatValue } from "../errors/format-value";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { guardedDescription } from "../guarding/expected-row";
import { guardOf } from "../guarding/guard-of";
import { keyMap, rowKey } from "../metadata/row-identity";
import { currentUnit } from "../guarding/unit-flow";
import type { Attempt } from "../units/attempt";
import { runUnitOfWork } from "../units/run-unit-of-work";
import type { UnitOfWorkOptions } from "../units/unit-of-work-options";
import { readRow, readsSnapshots } from "./latest-row";

/**
 * Changes one row as it is now: reads it, lets `mutate` change the entity, and saves that, as one unit of work. What others
 * have written stays; who is beaten reads and mutates again.
 *
 * It does not lock the row while `mutate` works: the UPDATE sets only the columns that were changed, if the row has still
 * the version that was read, and otherwise all is done again. Inside another unit of work it joins that, and on MySQL and
 * MariaDB it then reads with a lock, since the snapshot of that unit may be older than the row.
 *
 * Do not wait inside `mutate` for what takes long and needs no entity: do that before, and only put in here what has come
 * out.
 *
 * @param dataSource a guarded DataSource.
 * @param target a guarded entity.
 * @param id the key: a scalar, or an object of key properties.
 * @param mutate changes the entity, at once or by a promise; called again with a new one when it was beaten. What it returns
 * is ignored.
 * @param options of the unit of work; inside another one they do not count.
 * @returns the entity as it was saved.
 * @throws EntityNotFoundError of TypeORM when there is no such row or it is soft-deleted; UncheckedWriteError for an entity
 * that is not guarded; GuardConfigurationError for an incomplete key or a changed one, or a wrong option; whatever `mutate`
 * throws; and what {@link runUnitOfWork} rejects with.
 */
export async function modifyLatest<E extends ObjectLiteral>(
  dataSource: DataSource,
  target: EntityTarget<E>,
  id: unknown,
  mutate: (entity: E, attempt: Attempt) => unknown,
  options?: UnitOfWorkOptions,
): Promise<E> {
  const guard = guardOf(dataSource);
  const { metadata } = guardedDescription(guard, target);
  if (typeof mutate !== "function") {
    throw new GuardConfigurationError(
      `"mutate" of modifyLatest must be a function, not ${formatValue(mutate)}.`,
    );
  }
  const { idMap, key } = wholeKey(metadata, id);
  const isLocked = currentUnit(guard) !== undefined && readsSnapshots(guard);
  return runUnitOfWork(
    dataSource,
    async (manager, attempt) => {
      const entity = await readRow<E>(manager.queryRunner as QueryRunner, metadata, idMap, { isLocked });
      if (entity === undefined) throw new EntityNotFoundError(target, idMap);
      await mutate(entity, attempt);
      if (rowKey(metadata, entity) !== key) {
        throw new GuardConfigurationError(
          `The key of a ${metadata.name} was changed by the "mutate" of modifyLatest, so that another row would be written.`,
        );
      }
      return manager.save(metadata.findInheritanceMetadata(entity).target as EntityTarget<E>, entity);
    },
    options,
  );
}

function wholeKey(
  metadata: EntityMetadata,
  id: unknown,
): { readonly idMap: ObjectLiteral; readonly key: string } {
  const named = id === undefined || id === null ? undefined : keyMap(metadata, id);
  const idMap = named && metadata.getEntityIdMap(named);
  const key = idMap && rowKey(metadata, idMap);
  const isOneRow =
    idMap !== undefined &&
    metadata.primaryColumns.every((column) => !(column.getEntityValue(idMap) instanceof FindOperator));
  if (isOneRow && key !== undefined) return { idMap, key };
  const columns = metadata.primaryColumns.map(({ propertyPath }) => propertyPath).join(" and ");
  throw new GuardConfigurationError(
    `modifyLatest of a ${metadata.name} needs the whole key of one row, ${columns}, and was given ${formatValue(id)}.`,
  );
}
