import type { DataSource } from "typeorm";
import { isHiddenForeignKey, isStamped, type Column } from "../../metadata/column";
import type { EntityDescription } from "../../metadata/entity-description";
import { escapedTable } from "../escaped-table";
import type { Guard } from "../guard";

/** What a direct write needs of a guarded entity, worked out once. */
export interface DirectEntity {
  readonly description: EntityDescription;
  /** Its table, escaped. */
  readonly table: string;
  readonly keys: readonly Column[];
  /** What the database gives a row in an UPDATE besides what is set: the version, the update date, computed columns. */
  readonly made: readonly Column[];
  /** What TypeORM sets to null in an entity that it has updated, where nothing is there. */
  readonly nullable: readonly Column[];
  /** Whether its rows can be removed by the guard's own statement. */
  readonly isRemovable: boolean;
  /** Columns of which two rows cannot have the same values. */
  readonly unique: ReadonlySet<Column>;
}

const known = new WeakMap<EntityDescription, DirectEntity | null>();

/** The entity as a direct write sees it; undefined for one whose rows are left to TypeORM's persistence. */
export function directEntity(guard: Guard, description: EntityDescription): DirectEntity | undefined {
  let entity = known.get(description);
  if (entity === undefined) {
    entity = isPlain(guard.dataSource, description) ? describe(guard.dataSource, description) : null;
    known.set(description, entity);
  }
  return entity ?? undefined;
}

// What is more than values in columns of one row has its own statements in TypeORM or in the guard.
function isPlain({ driver }: DataSource, description: EntityDescription): boolean {
  const { compare, metadata, rowVersion, tokens, updatesAllColumns, versionSource } = description;
  return (
    tokens.length > 0 &&
    compare === undefined &&
    !updatesAllColumns &&
    (rowVersion === undefined || (versionSource?.kind === "increment" && rowVersion.isVersion)) &&
    tokens.every((token) => token === rowVersion || (!isHiddenForeignKey(token) && !isStamped(token))) &&
    metadata.versionColumn === rowVersion &&
    metadata.treeType === undefined &&
    metadata.discriminatorColumn === undefined &&
    metadata.relationIds.length === 0 &&
    metadata.columns.every(({ databaseName }) => !/^concurrency_(value_|rows?$)/i.test(databaseName)) &&
    metadata.primaryColumns.every(
      ({ isVirtual, relationMetadata, type }) =>
        !isVirtual && relationMetadata === undefined && !driver.spatialTypes.includes(type as never),
    )
  );
}

function describe(dataSource: DataSource, description: EntityDescription): DirectEntity {
  const { metadata, shape } = description;
  const unique = new Set([
    // Of which columns they are is in an expression.
    ...(metadata.exclusions.length > 0 ? metadata.columns : []),
    ...metadata.uniques.flatMap(({ columns }) => columns),
    ...metadata.indices.filter(({ isUnique }) => isUnique).flatMap(({ columns }) => columns),
  ]);
  return {
    description,
    table: escapedTable(dataSource, metadata),
    keys: metadata.primaryColumns,
    made: metadata.columns.filter(
      (column) => column.isVersion || column.isUpdateDate || column.asExpression !== undefined,
    ),
    nullable: shape.columns.filter(({ isDeleteDate, isNullable }) => isNullable && !isDeleteDate),
    isRemovable: metadata.manyToManyRelations.length === 0,
    unique,
  };
}
