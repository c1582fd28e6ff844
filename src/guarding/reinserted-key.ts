import type { InsertQueryBuilder, ObjectLiteral } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { Guard } from "./guard";
import { rowKey } from "../metadata/row-identity";
import type { SaveScope } from "./save-scope";

/*
 * TypeORM's INSERT leaves out keys that the database counts up, except on MySQL, MariaDB and SQLite, unless it is told the
 * columns to insert. So an object whose row is gone would come back under another key on PostgreSQL than it has in memory.
 */

/** Inserts objects whose rows are gone under the keys they have; others of the same statement still get a new one. */
export function keepReinsertedKeys(
  { dialect }: Guard,
  scope: SaveScope,
  { metadata }: EntityDescription,
  builder: InsertQueryBuilder<ObjectLiteral>,
  valueSets: readonly ObjectLiteral[],
): void {
  const counted = metadata.primaryColumns.filter(
    ({ generatedIdentity, generationStrategy, isGenerated }) =>
      isGenerated && generationStrategy === "increment" && generatedIdentity !== "ALWAYS",
  );
  const { expressionMap } = builder;
  if (dialect !== "postgres" || counted.length === 0 || expressionMap.insertColumns.length > 0) return;
  const isReinserted = valueSets.some((values) => {
    const key = rowKey(metadata, values);
    return key !== undefined && scope.rows.get(key)?.subject.isRemoved === true;
  });
  if (!isReinserted) return;
  expressionMap.insertColumns = metadata.columns
    .filter((column) => column.isInsert && (!isLeftOut(column) || counted.includes(column)))
    .map(({ propertyPath }) => propertyPath);
}

function isLeftOut({
  generationStrategy,
  isGenerated,
}: EntityDescription["metadata"]["columns"][number]): boolean {
  return isGenerated && generationStrategy === "increment";
}
