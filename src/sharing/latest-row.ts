import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import type { Guard } from "../guarding/guard";
import { withoutTracking } from "../guarding/untracked-reads";

/**
 * Reads the row of a key with its eager relations, as `findOne` does.
 *
 * @param withDeleted whether a row counts that is soft-deleted.
 */
export async function readRow<E extends ObjectLiteral>(
  queryRunner: QueryRunner,
  metadata: EntityMetadata,
  id: ObjectLiteral,
  { isLocked = false, withDeleted = false }: { readonly isLocked?: boolean; readonly withDeleted?: boolean },
): Promise<E | undefined> {
  // Not findOne, which for eager relations makes a second statement.
  const [row] = await queryRunner.manager.find<E>(metadata.target, {
    where: id as E,
    withDeleted,
    ...(isLocked ? { lock: { mode: "pessimistic_write" } } : {}),
  });
  return row;
}

/**
 * Reads the row of a key as it is now, soft-deleted or not, also where the transaction sees an older snapshot. In a
 * transaction it stays locked until that ends, where the database has such locks: by the lock that an UPDATE takes, for of
 * two who read with a shared one and then write, each would wait for the other.
 */
export async function readLatestRow<E extends ObjectLiteral>(
  guard: Guard,
  queryRunner: QueryRunner,
  metadata: EntityMetadata,
  id: ObjectLiteral,
): Promise<E | undefined> {
  const isInTransaction = queryRunner.isTransactionActive;
  // A plain SELECT after it sees what it has waited for, or fails with a serialization failure. The whole SELECT cannot
  // lock on PostgreSQL where it has an outer join.
  if (isInTransaction && guard.dialect === "postgres") await lockRow(guard, queryRunner, metadata, id);
  const isLocked = isInTransaction && readsSnapshots(guard);
  const row = await readRow<E>(queryRunner, metadata, id, { isLocked });
  if (row !== undefined || metadata.deleteDateColumn === undefined) return row;
  return readRow<E>(queryRunner, metadata, id, { isLocked, withDeleted: true });
}

/** Whether a plain SELECT in a transaction gives rows that an UPDATE there would find otherwise, and only a lock helps. */
export function readsSnapshots({ dialect }: Guard): boolean {
  return dialect === "mysql" || dialect === "mariadb";
}

async function lockRow(
  guard: Guard,
  queryRunner: QueryRunner,
  metadata: EntityMetadata,
  id: ObjectLiteral,
): Promise<void> {
  const builder = guard.dataSource
    .createQueryBuilder(queryRunner)
    .select(metadata.primaryColumns.map(({ propertyPath }) => `latest.${propertyPath}`))
    .from<ObjectLiteral>(metadata.target, "latest")
    .whereInIds([id])
    .withDeleted()
    .setLock("for_no_key_update");
  await withoutTracking(builder).getRawMany();
}
