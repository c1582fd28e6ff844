import { isDeepStrictEqual } from "node:util";
import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { isPlainProperty } from "./column";

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
  if (parent === undefined) return plainId(metadata, entity) ?? metadata.getEntityIdMap(entity);
  const fromParent = metadata.primaryColumns.filter(
    ({ relationMetadata }) => relationMetadata?.inverseEntityMetadata === parent.metadata,
  );
  if (fromParent.length === 0) return metadata.getEntityIdMap(entity);
  const copy: ObjectLiteral = Object.assign({}, entity);
  for (const column of fromParent) {
    column.setEntityValue(copy, column.referencedColumn?.getEntityValue(parent.entity));
  }
  return metadata.getEntityIdMap(copy);
}

// What TypeORM merges from the value maps of all key columns, where that is one number or text.
function plainId({ primaryColumns }: EntityMetadata, entity: ObjectLiteral): ObjectLiteral | undefined {
  const [column] = primaryColumns;
  if (column === undefined || primaryColumns.length > 1 || !isPlainProperty(column)) return undefined;
  const value: unknown = (entity as Readonly<Record<string, unknown>>)[column.propertyName];
  return typeof value === "number" || typeof value === "string"
    ? { [column.propertyName]: value }
    : undefined;
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
