import type { ObjectLiteral, QueryRunner } from "typeorm";
import { hiddenForeignKeys, storedColumns, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { shapeOf } from "../metadata/shape";
import { takeOriginal, type Original } from "../tracking/original";
import type { Guard } from "../guarding/guard";
import { rowKey } from "../metadata/row-identity";
import { withoutTracking } from "../guarding/untracked-reads";

const idsInStatement = 500;

/** A row as it is now. */
export interface PresentRow {
  /** In a new object of its class, without its relations. */
  readonly entity: ObjectLiteral;
  /** In the form of an original, out of reach of whoever edits that object; with all foreign keys. */
  readonly values: Original;
}

/**
 * Reads whole rows, soft-deleted ones and hidden columns included. In a transaction they are locked until it ends, where
 * the database has such locks: a plain read might see an old snapshot, and nobody gets in before what is saved next.
 *
 * @returns rows by {@link rowKey}; those that do not exist are absent.
 */
export async function readPresentRows(
  guard: Guard,
  queryRunner: QueryRunner,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
): Promise<Map<string, PresentRow>> {
  const { driver } = guard.dataSource;
  const { metadata } = description;
  const hidden = hiddenForeignKeys(metadata);
  const shape = shapeOf(metadata, [...virtualVersion(description), ...hidden]);
  const rows = new Map<string, PresentRow>();
  for (let start = 0; start < ids.length; start += idsInStatement) {
    const { entities, raw } = await select(
      guard,
      queryRunner,
      description,
      ids.slice(start, start + idsInStatement),
    );
    // Without joins there is one raw row for each entity, in the same order.
    entities.forEach((entity, index) => {
      const values = new Map(
        hidden.map((column, position) => [
          column,
          driver.prepareHydratedValue(raw[index]?.[hiddenName(position)], column) as unknown,
        ]),
      );
      const key = rowKey(metadata, keyOf(metadata.primaryColumns, entity, values));
      if (key !== undefined) rows.set(key, { entity, values: takeOriginal(shape, entity, values) });
    });
  }
  return rows;
}

function select(
  guard: Guard,
  queryRunner: QueryRunner,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
): Promise<{ entities: ObjectLiteral[]; raw: Record<string, unknown>[] }> {
  const { metadata } = description;
  const columns = [
    ...storedColumns(metadata),
    ...virtualVersion(description),
    ...metadata.columns.filter(({ isDiscriminator, isPrimary }) => isDiscriminator || isPrimary),
  ];
  const builder = guard.dataSource
    .createQueryBuilder(queryRunner)
    .select([...new Set(columns.map(({ propertyPath }) => `current.${propertyPath}`))])
    .from<ObjectLiteral>(metadata.target, "current")
    .whereInIds(ids)
    .withDeleted()
    .callListeners(false)
    .cache(false);
  hiddenForeignKeys(metadata).forEach((column, position) => {
    builder.addSelect(
      `${builder.escape("current")}.${builder.escape(column.databaseName)}`,
      hiddenName(position),
    );
  });
  const hasLocks = guard.dialect !== "sqlite" && guard.dialect !== "other";
  if (queryRunner.isTransactionActive && hasLocks) builder.setLock("pessimistic_write");
  return withoutTracking(builder).getRawAndEntities<Record<string, unknown>>();
}

function virtualVersion({ rowVersion }: EntityDescription): Column[] {
  return rowVersion?.isVirtualProperty ? [rowVersion] : [];
}

function hiddenName(position: number): string {
  return `hidden_${position}`;
}

function keyOf(
  columns: readonly Column[],
  entity: ObjectLiteral,
  hidden: ReadonlyMap<Column, unknown>,
): ObjectLiteral {
  const id: ObjectLiteral = {};
  for (const column of columns)
    column.setEntityValue(id, hidden.get(column) ?? column.getEntityValue(entity));
  return id;
}
