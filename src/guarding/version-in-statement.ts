import type { ObjectLiteral, QueryBuilder } from "typeorm";
import type { Column } from "../metadata/column";
import type { Guard } from "./guard";

/** The row version of the entity a builder writes, if it is guarded and has one. */
export function rowVersionOf(
  guard: Guard,
  { expressionMap }: QueryBuilder<ObjectLiteral>,
): Column | undefined {
  const alias = expressionMap.mainAlias;
  return alias?.hasMetadata ? guard.describe(alias.metadata)?.rowVersion : undefined;
}

/**
 * A SET map without the row version: with a value for it TypeORM would write that value instead of raising the
 * version, and `repository.update(id, entity)` would turn it back.
 */
export function withoutVersion(
  guard: Guard,
  builder: QueryBuilder<ObjectLiteral>,
  values: ObjectLiteral,
): ObjectLiteral {
  const version = rowVersionOf(guard, builder);
  if (version?.getEntityValue(values) === undefined) return values;
  return without(values, version.propertyPath.split("."));
}

/** An UPDATE that raises the version also where it is null, which `version + 1` would leave null. */
export function raiseVersion(guard: Guard, builder: QueryBuilder<ObjectLiteral>, sql: string): string {
  const version = rowVersionOf(guard, builder);
  if (!version?.isNullable) return sql;
  const name = builder.escape(version.databaseName);
  return sql.replace(`${name} = ${name} + 1`, `${name} = ${raised(name, version)}`);
}

/** SQL for the version after the one in `name`. */
export function raised(name: string, version: Column): string {
  return version.isNullable ? `COALESCE(${name}, 0) + 1` : `${name} + 1`;
}

function without(values: ObjectLiteral, [property = "", ...rest]: readonly string[]): ObjectLiteral {
  const { [property]: value, ...others } = values as Record<string, ObjectLiteral>;
  return rest.length === 0 || value === undefined ? others : { ...others, [property]: without(value, rest) };
}
