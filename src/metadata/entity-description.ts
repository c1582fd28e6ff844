import type { EntityMetadata } from "typeorm";
import type { RelationMetadata } from "./relation";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { hiddenForeignKeys, isOwnColumn, storedColumns, type Column } from "./column";
import type { CompareMode, Declaration } from "./declaration";
import { declaredOf, type DescriptionOptions } from "./declared-entity";
import { shapeOf, type Shape } from "./shape";
import { tokenColumns } from "./token-columns";
import type { VersionSource } from "./version-source";
import { versionedRelations } from "./versioned-relations";

/** All that the guard knows of one guarded entity, worked out once. */
export interface EntityDescription {
  readonly metadata: EntityMetadata;
  /** The column that changes with every write of the row, if the entity has one. */
  readonly rowVersion: Column | undefined;
  /** Where the row version comes from; undefined without one. */
  readonly versionSource: VersionSource | undefined;
  /** The columns whose original value must hold, without the row version. */
  readonly concurrencyTokens: readonly Column[];
  /** All of them, the row version first. Empty only where nothing but `updatesAllColumns` is declared. */
  readonly tokens: readonly Column[];
  /** Those of the tokens that are so by `compare` alone, and not by being declared one by one. */
  readonly compared: ReadonlySet<Column>;
  readonly compare: CompareMode | undefined;
  /** Whether an UPDATE of a save writes every column. */
  readonly updatesAllColumns: boolean;
  /** Columns whose change is no change of the row's version. */
  readonly unversioned: ReadonlySet<Column>;
  /** Relations whose members belong to the entity. */
  readonly versionedRelations: readonly RelationMetadata[];
  /** What an original of the entity keeps. */
  readonly shape: Shape;
}

/** The description of an entity, or undefined for one that has nothing to be checked by. */
export function describeEntity(
  metadata: EntityMetadata,
  options: DescriptionOptions,
): EntityDescription | undefined {
  const declared = declaredOf(metadata, options);
  const rowVersion = rowVersionOf(metadata, declared);
  const unversioned = new Set(declared.unversioned.map((path) => storedColumnAt(metadata, path)));
  const named = tokenColumns(metadata, declared, rowVersion);
  refuseUnfitUnversioned(metadata, named, unversioned);
  const compared = comparedColumns(metadata, declared, [...named, ...unversioned]);
  const tokens = [...named, ...compared];
  if (tokens.length === 0 && !declared.updateAllColumns) return undefined;
  const hidden = hiddenForeignKeys(metadata).filter(
    (column) => declared.updateAllColumns || tokens.includes(column),
  );
  return Object.freeze({
    metadata,
    rowVersion,
    versionSource: rowVersion && declared.rowVersions[0]?.source,
    concurrencyTokens: Object.freeze(tokens.filter((token) => token !== rowVersion)),
    tokens: Object.freeze(tokens),
    compared: new Set(compared),
    compare: declared.compare,
    updatesAllColumns: declared.updateAllColumns,
    unversioned,
    versionedRelations: Object.freeze(versionedRelations(metadata, declared, rowVersion)),
    shape: shapeOf(metadata, [...(rowVersion?.isVirtualProperty ? [rowVersion] : []), ...hidden]),
  });
}

function rowVersionOf(metadata: EntityMetadata, { rowVersions, compare }: Declaration): Column | undefined {
  const [declared, ...others] = rowVersions;
  if (declared === undefined) return undefined;
  if (others.length > 0) {
    throw new GuardConfigurationError(
      `${metadata.name} declares ${rowVersions.length} row versions, ${rowVersions.map(({ property }) => property).join(" and ")}. ` +
        `Keep one; declare the others as @ConcurrencyToken() if their values must hold too.`,
    );
  }
  const { property, source } = declared;
  if (compare !== undefined) {
    throw new GuardConfigurationError(
      `${metadata.name} has the row version ${property}, so there is nothing left for its optimistic locking by columns ` +
        `to tell. Keep one of them.`,
    );
  }
  const virtual = metadata.columns.find(
    (column) => column.isVirtualProperty && column.propertyPath === property,
  );
  if (source.kind === "xmin") {
    if (virtual !== undefined) return virtual;
    throw new GuardConfigurationError(
      `${metadata.name}.${property} is declared as the row version by xmin but is not a virtual property. Declare it ` +
        `with @RowVersion({ source: "xmin" }), or in its EntitySchema with "virtualProperty: true" and a query that ` +
        `gives xmin as text.`,
    );
  }
  const column = storedColumnAt(metadata, property);
  if (column.isVersion !== (source.kind === "increment")) {
    throw new GuardConfigurationError(
      column.isVersion
        ? `${metadata.name}.${property} is declared as a version that TypeORM does not raise, but is a version column, ` +
            `which it does. Declare it as an ordinary column.`
        : `${metadata.name}.${property} is declared as the row version but is not a version column for TypeORM. ` +
            `Declare it with @RowVersion(), @VersionColumn() or "version: true" in its EntitySchema.`,
    );
  }
  return column;
}

/** The column at a property path of the entity. */
export function storedColumnAt(metadata: EntityMetadata, path: string): Column {
  const columns = storedColumns(metadata);
  const column = columns.find(({ propertyPath }) => propertyPath === path);
  if (column !== undefined) return column;
  throw new GuardConfigurationError(
    `${metadata.name}.${path} is declared for optimistic concurrency but is not a column of the entity. ` +
      `Its columns are ${columns.map(({ propertyPath }) => propertyPath).join(", ")}.`,
  );
}

function comparedColumns(
  metadata: EntityMetadata,
  { compare }: Declaration,
  others: readonly Column[],
): Column[] {
  if (compare === undefined) return [];
  return [...storedColumns(metadata), ...hiddenForeignKeys(metadata)].filter(
    (column) =>
      !column.isPrimary &&
      !column.isDiscriminator &&
      column.asExpression === undefined &&
      isOwnColumn(metadata, column) &&
      !others.includes(column),
  );
}

function refuseUnfitUnversioned(
  { name }: EntityMetadata,
  tokens: readonly Column[],
  unversioned: ReadonlySet<Column>,
): void {
  const both = tokens.find((token) => unversioned.has(token));
  if (both !== undefined) {
    throw new GuardConfigurationError(
      `${name}.${both.propertyPath} is both a token and @Unversioned(). Keep one of them.`,
    );
  }
  const xmin = tokens.find(({ isVirtualProperty }) => isVirtualProperty);
  const [first] = unversioned;
  if (xmin === undefined || first === undefined) return;
  throw new GuardConfigurationError(
    `${name}.${first.propertyPath} cannot be @Unversioned(): the row version ${xmin.propertyPath} is xmin, which PostgreSQL ` +
      `changes with every write of the row. Use a @RowVersion() without a source.`,
  );
}
