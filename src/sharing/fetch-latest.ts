import { EntityNotFoundError, type EntityManager, type EntityMetadata, type ObjectLiteral } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Guard } from "../guarding/guard";
import { guardOfManager } from "../guarding/guard-of";
import { rowId, rowKey } from "../metadata/row-identity";
import { readLatestRow } from "./latest-row";

/**
 * Reads the row of an entity as it is now, into a new object: what others have written since, with its version, so that it
 * can be saved. The entity that is given stays as it is.
 *
 * Outside of transactions it reads on the primary. Inside one it also gets what was committed after the transaction has
 * begun to read, and locks the row until the transaction ends (PostgreSQL, MySQL, MariaDB): nobody else writes it before
 * you do. On MySQL and MariaDB that includes the rows of its eager relations.
 *
 * @param manager of a guarded DataSource, in whose transaction it reads, if it has one.
 * @param entity an entity that was loaded or saved, guarded or not, or one of an entity class that has its key.
 * @returns a new object with the eager relations, as `findOne` gives; also when the row is soft-deleted.
 * @throws EntityNotFoundError of TypeORM when the row is gone; GuardConfigurationError for an object that is no entity or
 * has no complete key, or a DataSource that is not guarded.
 */
export async function fetchLatest<E extends ObjectLiteral>(manager: EntityManager, entity: E): Promise<E> {
  const guard = guardOfManager(manager);
  const metadata = metadataOf(guard, entity);
  const id = rowKey(metadata, entity) === undefined ? undefined : rowId(metadata, entity);
  if (id === undefined) {
    throw new GuardConfigurationError(
      `fetchLatest was given a ${metadata.name} without a complete key, so nobody can say which row is meant. Save it first.`,
    );
  }
  const given = manager.queryRunner;
  const queryRunner = given ?? guard.dataSource.createQueryRunner("master");
  try {
    const latest = await readLatestRow<E>(guard, queryRunner, metadata, id);
    if (latest === undefined) throw new EntityNotFoundError(metadata.target, id);
    return latest;
  } finally {
    if (given === undefined) await queryRunner.release();
  }
}

function metadataOf({ dataSource, tracker }: Guard, entity: unknown): EntityMetadata {
  if (typeof entity === "object" && entity !== null) {
    const loadedAs = tracker.originalOf(entity)?.shape.metadata;
    if (loadedAs !== undefined) return loadedAs;
    if (dataSource.hasMetadata(entity.constructor)) {
      return dataSource.getMetadata(entity.constructor).findInheritanceMetadata(entity);
    }
  }
  throw new GuardConfigurationError(
    `fetchLatest was given something that is no entity of this DataSource: it is of no entity class, and was not loaded ` +
      `as a guarded entity. Give it what a repository has loaded.`,
  );
}
