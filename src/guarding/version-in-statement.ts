import type { ObjectLiteral, QueryBuilder } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { metadataOf } from "./builder-targets";
import type { Guard } from "./guard";
import { laterInstant } from "./next-version";
import { plannedVersion } from "./statement-version";

type AnyBuilder = QueryBuilder<ObjectLiteral>;

/** The description of the entity a builder writes, if it is guarded. */
export function descriptionOf(guard: Guard, builder: AnyBuilder): EntityDescription | undefined {
  const metadata = metadataOf(builder);
  return metadata && guard.describe(metadata);
}

/**
 * A SET map without the row version: with a value for it TypeORM would write that value instead of raising the
 * version, and `repository.update(id, entity)` would turn it back.
 */
export function withoutVersion(guard: Guard, builder: AnyBuilder, values: ObjectLiteral): ObjectLiteral {
  const version = descriptionOf(guard, builder)?.rowVersion;
  if (version?.getEntityValue(values) === undefined) return values;
  return without(values, version.propertyPath.split("."));
}

/**
 * An UPDATE as TypeORM rendered it, with what is planned for the version in place of what TypeORM does, which is
 * `version + 1` for a version column of its own. Null is raised too, which `version + 1` would leave null. The UPDATE
 * that moves the paths of a tree raises nothing: the one that saves the node does.
 *
 * @param parameter puts a value into the statement and returns its placeholder.
 */
export function raiseVersion(
  guard: Guard,
  builder: AnyBuilder,
  sql: string,
  parameter: (value: unknown) => string,
): string {
  const description = descriptionOf(guard, builder);
  const version = description?.rowVersion;
  if (description === undefined) return sql;
  const planned = movesPaths(builder) ? { step: "keep" as const } : plannedVersion(builder);
  if (planned.step === "keep") return withoutStamps(guard, builder, description, sql);
  if (version === undefined) return sql;
  const name = builder.escape(version.databaseName);
  if (planned.step === "set") {
    return assignFirst(sql, `${name} = ${versionExpression(guard, version, name, planned.value, parameter)}`);
  }
  return version.isVersion && version.isNullable
    ? sql.replace(`${name} = ${name} + 1`, `${name} = ${raised(name, version)}`)
    : sql;
}

/** SQL for a version that the application has made. */
function versionExpression(
  { dataSource: { driver }, dialect }: Guard,
  version: Column,
  name: string,
  value: unknown,
  parameter: (value: unknown) => string,
): string {
  if (typeof value === "function") return (value as () => string)();
  const placeholder = parameter(driver.preparePersistentValue(value, version));
  return value instanceof Date
    ? laterInstant(dialect, version, driver.normalizeType(version), name, placeholder)
    : placeholder;
}

// TypeORM raises the version and stamps the update date in every UPDATE; both only count where they are tokens. Where
// MySQL and MariaDB would stamp a column by themselves it is given the value that it has.
function withoutStamps(
  guard: Guard,
  builder: AnyBuilder,
  { tokens }: EntityDescription,
  sql: string,
): string {
  const isStamping = guard.dialect === "mysql" || guard.dialect === "mariadb";
  return tokens.reduce((rest, { databaseName, isUpdateDate, isVersion, onUpdate }) => {
    const name = builder.escape(databaseName);
    if (isVersion) return rest.replace(`, ${name} = ${name} + 1`, "");
    const unstamped = isUpdateDate ? rest.replace(`, ${name} = CURRENT_TIMESTAMP`, "") : rest;
    return isStamping && onUpdate !== undefined ? assignFirst(unstamped, `${name} = ${name}`) : unstamped;
  }, sql);
}

function assignFirst(sql: string, assignment: string): string {
  return sql.replace(" SET ", () => ` SET ${assignment}, `);
}

/** Whether an UPDATE is the one by which TypeORM keeps the paths of a materialized-path tree. */
export function movesPaths(builder: AnyBuilder): boolean {
  const path = metadataOf(builder)?.materializedPathColumn;
  const values: unknown = builder.expressionMap.valuesSet;
  return (
    path !== undefined && typeof values === "object" && Object.keys(values ?? {}).join() === path.propertyName
  );
}

/** SQL for the version after the one in `name`. */
export function raised(name: string, version: Column): string {
  return version.isNullable ? `COALESCE(${name}, 0) + 1` : `${name} + 1`;
}

function without(values: ObjectLiteral, [property = "", ...rest]: readonly string[]): ObjectLiteral {
  const { [property]: value, ...others } = values as Record<string, ObjectLiteral>;
  return rest.length === 0 || value === undefined ? others : { ...others, [property]: without(value, rest) };
}
