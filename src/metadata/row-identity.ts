import { isDeepStrictEqual } from "node:util";
import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** One string per row of a DataSource; undefined while the entity has no complete key. */
export function rowKey(metadata: EntityMetadata, entity: ObjectLiteral): string | undefined {
  let key = metadata.tablePath;
  for (const column of metadata.primaryColumns) {
    const text = keyText(column.getEntityValue(entity, true));
    if (text === undefined) return undefined;
    key += `\u0000${text}`;
  }
  return key;
}

/**
 * The entity's key as an object of key properties. As TypeORM does, a part of the key that is the relation to
 * `parent` is taken from the parent when the entity is saved through it.
 */
export function rowId(
  metadata: EntityMetadata,
  entity: ObjectLiteral,
  parent?: { readonly metadata: EntityMetadata; readonly entity: ObjectLiteral },
): ObjectLiteral | undefined {
  const fromParent = metadata.primaryColumns.filter(
    ({ relationMetadata }) =>
      parent !== undefined && relationMetadata?.inverseEntityMetadata === parent.metadata,
  );
  if (parent === undefined || fromParent.length === 0) return metadata.getEntityIdMap(entity);
  const copy: ObjectLiteral = Object.assign({}, entity);
  for (const column of fromParent) {
    column.setEntityValue(copy, column.referencedColumn?.getEntityValue(parent.entity));
  }
  return metadata.getEntityIdMap(copy);
}

/** The object of key properties that a caller names a row by: that itself, or the value of a single-column key. */
export function keyMap(metadata: EntityMetadata, id: unknown): ObjectLiteral {
  const [column, ...others] = metadata.primaryColumns;
  // TypeORM would take bytes and dates for an object of key properties.
  const isScalar = id instanceof Uint8Array || id instanceof Date;
  return isScalar && column !== undefined && others.length === 0
    ? column.createValueMap(id)
    : metadata.ensureEntityIdMap(id);
}

/** One text per value of a key, however it is written; undefined for none. */
export function keyText(value: unknown): string | undefined {
  if (value === undefined || value === null) return undefined;
  if (value instanceof Date) return value.toISOString();
  if (value instanceof Uint8Array) return Buffer.from(value).toString("hex");
  // A form brings "1" where the database has 1.
  if (typeof value === "string" || typeof value === "number" || typeof value === "bigint")
    return String(value);
  return JSON.stringify(value);
}

/** Whether criteria name one row by its key and nothing else. */
export function isWholeKey(metadata: EntityMetadata, criteria: ObjectLiteral): boolean {
  return isDeepStrictEqual(metadata.getEntityIdMap(criteria), { ...criteria });
}
