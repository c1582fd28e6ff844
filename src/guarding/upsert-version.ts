import type { InsertQueryBuilder, ObjectLiteral } from "typeorm";
import { UncheckedWriteError } from "../errors/unchecked-write-error";
import type { Column } from "../metadata/column";
import type { Guard } from "./guard";
import { laterInstant } from "./next-version";
import { descriptionOf, raised } from "./version-in-statement";

type Alias = NonNullable<InsertQueryBuilder<ObjectLiteral>["expressionMap"]["mainAlias"]>;

/**
 * Makes the update branch of an upsert raise the row version instead of overwriting it or leaving it alone.
 *
 * TypeORM renders `column = EXCLUDED.column` or `column = VALUES(column)` for a list of columns and has no place
 * for an expression, so the assignment is put before the first one it rendered.
 */
export function upsertRaisingVersion(
  guard: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  createExpression: () => string,
): string {
  const { onUpdate, mainAlias } = builder.expressionMap;
  const description = descriptionOf(guard, builder);
  const version = description?.rowVersion;
  if (onUpdate === undefined || version === undefined || mainAlias === undefined) return createExpression();
  if (description?.versionSource?.kind === "application") {
    // What would be inserted has a version of its own.
    if (onUpdate.overwrite) onUpdate.overwrite = [...new Set([...onUpdate.overwrite, version.databaseName])];
    return laterThanBefore(guard, builder, version, mainAlias, createExpression());
  }
  const isOther = (column: string): boolean => column !== version.databaseName;
  if (onUpdate.overwrite) onUpdate.overwrite = onUpdate.overwrite.filter(isOther);
  if (onUpdate.columns) onUpdate.columns = onUpdate.columns.filter(isOther);
  if (description?.versionSource?.kind !== "increment") return createExpression();
  const [first] = [...(onUpdate.overwrite ?? onUpdate.columns ?? [])];
  const sql = createExpression();
  if (first === undefined) return sql;

  const { driver } = guard.dataSource;
  const name = builder.escape(version.databaseName);
  const current = guard.dialect === "postgres" ? `${builder.escape(rowName(mainAlias))}.${name}` : name;
  const start = ["DO UPDATE SET", "ON DUPLICATE KEY UPDATE"]
    .map((keyword) => `${keyword} ${builder.escape(first)} = `)
    .find((candidate) => sql.includes(candidate));
  if (start === undefined) {
    throw new UncheckedWriteError(
      mainAlias.metadata.name,
      `cannot be upserted on ${driver.options.type}: the guard does not know how to raise the version in that ` +
        `statement. Load and save the entity, or use an update query.`,
    );
  }
  const keyword = start.slice(0, start.length - `${builder.escape(first)} = `.length);
  return sql.replace(
    start,
    () => `${keyword}${name} = ${raised(current, version)}, ${start.slice(keyword.length)}`,
  );
}

// An instant among the values is no later than the row's own for being made now.
function laterThanBefore(
  { dataSource: { driver }, dialect }: Guard,
  builder: InsertQueryBuilder<ObjectLiteral>,
  version: Column,
  alias: Alias,
  sql: string,
): string {
  const type = driver.normalizeType(version);
  if (!/^(date|timestamp)/.test(type)) return sql;
  const name = builder.escape(version.databaseName);
  const current = dialect === "postgres" ? `${builder.escape(rowName(alias))}.${name}` : name;
  return [`EXCLUDED.${name}`, `VALUES(${name})`].reduce(
    (result, made) =>
      result.replace(
        `${name} = ${made}`,
        () => `${name} = ${laterInstant(dialect, version, type, current, made)}`,
      ),
    sql,
  );
}

// PostgreSQL takes a bare column name here for ambiguous between the row and what was to be inserted.
function rowName({ name, metadata }: Alias): string {
  return name === metadata.tablePath ? metadata.tableName : name;
}
