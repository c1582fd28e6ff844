import type { ObjectLiteral, QueryBuilder } from "typeorm";
import type { Column } from "../metadata/column";
import { metadataOf } from "./builder-targets";
import type { Guard } from "./guard";

type AnyBuilder = QueryBuilder<ObjectLiteral>;

/** The row version of the entity a builder writes, if it is guarded and has one. */
export function rowVersionOf(guard: Guard, builder: AnyBuilder): Column | undefined {
  const metadata = metadataOf(builder);
  return metadata && guard.describe(metadata)?.rowVersion;
}

/**
 * A SET map without the row version: with a value for it TypeORM would write that value instead of raising the
 * version, and `repository.update(id, entity)` would turn it back.
 */
export function withoutVersion(guard: Guard, builder: AnyBuilder, values: ObjectLiteral): ObjectLiteral {
  const version = rowVersionOf(guard, builder);
  if (version?.getEntityValue(values) === undefined) return values;
  return without(values, version.propertyPath.split("."));
}

/**
 * An UPDATE as TypeORM rendered it, raising the version also where it is null, which `version + 1` would leave null.
 * The UPDATE that moves the paths of a tree raises nothing: the one that saves the node does.
 */
export function raiseVersion(guard: Guard, builder: AnyBuilder, sql: string): string {
  const version = rowVersionOf(guard, builder);
  if (version === undefined) return sql;
  const name = builder.escape(version.databaseName);
  const stock = `${name} = ${name} + 1`;
  if (movesPaths(builder)) return sql.replace(`, ${stock}`, "");
  return version.isNullable ? sql.replace(stock, `${name} = ${raised(name, version)}`) : sql;
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
