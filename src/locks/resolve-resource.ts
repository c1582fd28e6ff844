import type { DataSource, EntityMetadata, EntityTarget, ObjectLiteral } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { keyMap } from "../metadata/row-identity";
import { declaredEntity } from "./declared-entity";
import { lockKey } from "./lock-key";
import { isLockReference, type LockResource, type ResolvedResource } from "./lock-resource";

/**
 * Finds out what a resource is known by.
 *
 * @param dataSources those that may know the entity; without any, its own declarations are asked.
 * @throws GuardConfigurationError for what is no entity, or has no complete key.
 */
export function resolveResource(
  dataSources: readonly DataSource[],
  resource: LockResource,
): ResolvedResource {
  if (typeof resource !== "object" || resource === null) {
    throw new GuardConfigurationError(
      `What is to be locked must be an entity or { target, id }, not ${String(resource)}.`,
    );
  }
  if (dataSources.length === 0) return resolveDeclared(resource);
  const target = isLockReference(resource) ? resource.target : resource.constructor;
  const dataSource = dataSources.find((each) => each.hasMetadata(target));
  if (dataSource === undefined) throw new GuardConfigurationError(unknownEntity(target, dataSources));
  const { id, metadata } = metadataRow(dataSource, resource);
  const { name } = metadata;
  const key = rowLockKey(metadata, id);
  if (key === undefined) throw incompleteKey(name, keyPropertiesOf(metadata));
  return {
    key,
    entityName: name,
    target: metadata.target,
    id: isLockReference(resource) ? resource.id : id,
    given: resource,
  };
}

/**
 * The row that a resource stands for.
 *
 * @throws GuardConfigurationError where its key is not complete.
 */
export function metadataRow(
  dataSource: DataSource,
  resource: LockResource,
): { readonly metadata: EntityMetadata; readonly id: ObjectLiteral } {
  const isReference = isLockReference(resource);
  const declared = dataSource.getMetadata(isReference ? resource.target : resource.constructor);
  const metadata = isReference ? declared : declared.findInheritanceMetadata(resource);
  const given: unknown = isReference ? resource.id : resource;
  const hasNone = given === undefined || given === null;
  const id = hasNone ? undefined : isReference ? keyMap(metadata, given) : metadata.getEntityIdMap(resource);
  if (id === undefined) throw incompleteKey(metadata.name, keyPropertiesOf(metadata));
  return { metadata, id };
}

/** What the row of an entity is known by; undefined for an entity without a complete key. */
export function rowLockKey(metadata: EntityMetadata, id: ObjectLiteral): string | undefined {
  const values = metadata.primaryColumns.map((column): unknown => {
    const value: unknown = column.getEntityValue(id, true);
    return column.type === "uuid" || column.generationStrategy === "uuid" ? uuidOf(value) : value;
  });
  return lockKey(metadata.tablePath, values);
}

function uuidOf(value: unknown): unknown {
  return typeof value === "string" ? value.toLowerCase() : value;
}

function resolveDeclared(resource: LockResource): ResolvedResource {
  const isReference = isLockReference(resource);
  const target = isReference ? resource.target : (resource.constructor as EntityTarget<ObjectLiteral>);
  const { keyProperties, name, tablePath, uuidProperties } = declaredEntity(target);
  if (!isReference && keyProperties.length === 0) {
    throw new GuardConfigurationError(
      `${name} does not say what its key is. Give the lock registry its "dataSource", or name what is to be locked by ` +
        `{ target, id }.`,
    );
  }
  const given: unknown = isReference ? resource.id : resource;
  const values = keyValues(keyProperties, given).map((value, index) =>
    uuidProperties.includes(keyProperties[index] ?? "") ? uuidOf(value) : value,
  );
  const key = values.length < keyProperties.length ? undefined : lockKey(tablePath, values);
  if (key === undefined) throw incompleteKey(name, keyProperties);
  const id = isReference
    ? given
    : Object.fromEntries(keyProperties.map((property, i) => [property, values[i]]));
  return { key, entityName: name, target, id, given: resource };
}

function keyValues(keyProperties: readonly string[], id: unknown): unknown[] {
  if (!isObjectOfProperties(id)) return [id];
  const properties = keyProperties.length > 0 ? keyProperties : Object.keys(id);
  return properties.map((property): unknown => id[property]);
}

function isObjectOfProperties(id: unknown): id is ObjectLiteral {
  return typeof id === "object" && id !== null && !(id instanceof Date) && !(id instanceof Uint8Array);
}

function keyPropertiesOf({ primaryColumns }: EntityMetadata): string[] {
  return primaryColumns.map(({ propertyPath }) => propertyPath);
}

function incompleteKey(name: string, properties: readonly string[]): GuardConfigurationError {
  const wanted = properties.length > 0 ? `: ${properties.join(" and ")}` : "";
  return new GuardConfigurationError(
    `${name} cannot be locked without a complete key${wanted}. Save it first, or name its id.`,
  );
}

function unknownEntity(target: unknown, dataSources: readonly DataSource[]): string {
  const name = typeof target === "function" ? target.name : JSON.stringify(target);
  return dataSources.some(({ isInitialized }) => isInitialized)
    ? `${name} is no entity of the lock registry's DataSource, so it cannot be locked. Give the registry the DataSource that has it.`
    : `${name} cannot be locked before the lock registry's DataSource is initialized.`;
}
