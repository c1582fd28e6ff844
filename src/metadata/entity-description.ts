import type { EntityMetadata } from "typeorm";
import { storedColumns, type Column } from "./column";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { declarationsOf, type ClassDeclaration } from "./declaration";
import type { EntityConcurrency } from "./entity-concurrency";

/** All that the guard knows of one guarded entity, worked out once. */
export interface EntityDescription {
  readonly metadata: EntityMetadata;
  /** The column the database raises with every write, if the entity has one. */
  readonly rowVersion: Column | undefined;
  /** The columns whose original value must hold, without the row version. */
  readonly concurrencyTokens: readonly Column[];
  /** All of them, the row version first: never empty. */
  readonly tokens: readonly Column[];
}

export interface DescriptionOptions {
  /** Whether a `@VersionColumn` counts as a row version without being declared as one. */
  readonly versionColumns: boolean;
  /** Declarations without decorators, of the entity and its ancestors. */
  readonly declared: readonly EntityConcurrency[];
}

/** The description of an entity, or undefined for one that has nothing to be checked by. */
export function describeEntity(
  metadata: EntityMetadata,
  { versionColumns, declared }: DescriptionOptions,
): EntityDescription | undefined {
  const { rowVersions, concurrencyTokens } = decoratedPaths(metadata);
  const versionPaths = new Set([...rowVersions, ...declared.flatMap(({ rowVersion }) => rowVersion ?? [])]);
  const versions = metadata.columns.filter((column) => column.isVersion);
  if (versionColumns) for (const column of versions) versionPaths.add(column.propertyPath);
  if (versionPaths.size > 1) {
    throw new GuardConfigurationError(
      `${metadata.name} declares ${versionPaths.size} row versions, ${[...versionPaths].join(" and ")}. Keep one; ` +
        `declare the others as @ConcurrencyToken() if their values must hold too.`,
    );
  }

  const [versionPath] = versionPaths;
  const rowVersion = versionPath === undefined ? undefined : columnAt(metadata, versionPath);
  if (rowVersion !== undefined && !rowVersion.isVersion) {
    throw new GuardConfigurationError(
      `${metadata.name}.${versionPath} is declared as the row version but is not a version column for TypeORM. ` +
        `Declare it with @RowVersion(), @VersionColumn() or "version: true" in its EntitySchema.`,
    );
  }
  const tokenPaths = new Set([
    ...concurrencyTokens,
    ...declared.flatMap((its) => its.concurrencyTokens ?? []),
  ]);
  if (
    versionPath !== undefined &&
    tokenPaths.delete(versionPath) &&
    concurrencyTokens.includes(versionPath)
  ) {
    throw new GuardConfigurationError(
      `${metadata.name}.${versionPath} is both the row version and a concurrency token. Keep the row version.`,
    );
  }
  const tokens = [
    ...(rowVersion ? [rowVersion] : []),
    ...[...tokenPaths].map((path) => columnAt(metadata, path)),
  ];
  for (const token of tokens) refuseUnloadedToken(metadata, token);
  return tokens.length === 0
    ? undefined
    : Object.freeze({
        metadata,
        rowVersion,
        concurrencyTokens: Object.freeze(tokens.filter((token) => token !== rowVersion)),
        tokens: Object.freeze(tokens),
      });
}

/** What the entity's class and those of its embeddeds declare, as property paths of the entity. */
function decoratedPaths(metadata: EntityMetadata): ClassDeclaration {
  const declarations = [
    declarationsOf(metadata.target),
    ...metadata.allEmbeddeds.map(({ type, propertyPath }) => {
      const { rowVersions, concurrencyTokens } = declarationsOf(type);
      const inEntity = (property: string): string => `${propertyPath}.${property}`;
      return { rowVersions: rowVersions.map(inEntity), concurrencyTokens: concurrencyTokens.map(inEntity) };
    }),
  ];
  return {
    rowVersions: declarations.flatMap(({ rowVersions }) => rowVersions),
    concurrencyTokens: declarations.flatMap(({ concurrencyTokens }) => concurrencyTokens),
  };
}

function columnAt(metadata: EntityMetadata, path: string): Column {
  const columns = storedColumns(metadata);
  const column = columns.find(({ propertyPath }) => propertyPath === path);
  if (column !== undefined) return column;
  throw new GuardConfigurationError(
    `${metadata.name}.${path} is declared as a token but is not a column of the entity. ` +
      `Its columns are ${columns.map(({ propertyPath }) => propertyPath).join(", ")}.`,
  );
}

function refuseUnloadedToken(metadata: EntityMetadata, token: Column): void {
  if (token.isSelect) return;
  throw new GuardConfigurationError(
    `${metadata.name}.${token.propertyPath} is a concurrency token with "select: false", so entities would be loaded ` +
      `without the value they are checked by. Remove "select: false" from the column.`,
  );
}
