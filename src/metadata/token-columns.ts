import type { EntityMetadata } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { isHiddenForeignKey, storedColumns, type Column } from "./column";
import type { Declaration } from "./declaration";

/** The row version and the columns that were declared as tokens one by one; of a relation, its foreign key. */
export function tokenColumns(
  metadata: EntityMetadata,
  { concurrencyTokens }: Declaration,
  rowVersion: Column | undefined,
): Column[] {
  const tokens = new Set(rowVersion === undefined ? [] : [rowVersion]);
  for (const path of concurrencyTokens) {
    for (const column of columnsAt(metadata, path)) {
      if (column === rowVersion) {
        throw new GuardConfigurationError(
          `${metadata.name}.${path} is both the row version and a concurrency token. Keep the row version.`,
        );
      }
      refuseUnloadedToken(metadata, column);
      tokens.add(column);
    }
  }
  if (rowVersion !== undefined) refuseUnloadedToken(metadata, rowVersion);
  return [...tokens];
}

function columnsAt(metadata: EntityMetadata, path: string): readonly Column[] {
  const stored = storedColumns(metadata);
  const column = stored.find(({ propertyPath }) => propertyPath === path);
  if (column !== undefined) return [column];
  const relation = metadata.relations.find(({ propertyPath }) => propertyPath === path);
  if (relation !== undefined && relation.joinColumns.length > 0 && !relation.isManyToMany) {
    return relation.joinColumns;
  }
  throw new GuardConfigurationError(
    `${metadata.name}.${path} is declared as a token but is not a column of the entity, nor a relation with a foreign ` +
      `key. Its columns are ${stored.map(({ propertyPath }) => propertyPath).join(", ")}.`,
  );
}

function refuseUnloadedToken(metadata: EntityMetadata, token: Column): void {
  if (token.isSelect || isHiddenForeignKey(token)) return;
  throw new GuardConfigurationError(
    `${metadata.name}.${token.propertyPath} is a concurrency token with "select: false", so entities would be loaded ` +
      `without the value they are checked by. Remove "select: false" from the column.`,
  );
}
