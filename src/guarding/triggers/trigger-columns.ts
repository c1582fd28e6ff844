import type { EntityMetadata } from "typeorm";
import type { Column } from "../../metadata/column";
import type { EntityDescription } from "../../metadata/entity-description";
import type { Guard } from "../guard";

/** The columns of a table by what their change means for the row version. */
export interface TriggerColumns {
  readonly primaryKey: readonly Column[];
  /** Columns that may change without a change of the version. */
  readonly unversioned: readonly Column[];
  /** Columns that change by themselves, beside whatever else does: they say nothing. */
  readonly companions: readonly Column[];
  /** All others, the version included: a change of one of them is a change of the row. */
  readonly versioned: readonly Column[];
}

export function triggerColumns(
  guard: Guard,
  description: EntityDescription,
  version: Column,
): TriggerColumns {
  const { metadata, tokens } = description;
  const entities = entitiesOfTable(metadata);
  const unversioned: Column[] = [];
  const companions: Column[] = [];
  const versioned: Column[] = [];
  for (const column of columnsOf(entities)) {
    if (column.asExpression !== undefined || isStamp(column, version, tokens)) companions.push(column);
    else if (isOfTree(column) || isUnversioned(guard, entities, column)) unversioned.push(column);
    else versioned.push(column);
  }
  return { primaryKey: metadata.primaryColumns, unversioned, companions, versioned };
}

// One table has the rows of all entities of a single-table inheritance, whichever of them was asked for.
function entitiesOfTable(metadata: EntityMetadata): readonly EntityMetadata[] {
  const root = metadata.parentEntityMetadata ?? metadata;
  return [root, ...root.childEntityMetadatas.filter(({ tableType }) => tableType === "entity-child")];
}

function columnsOf(entities: readonly EntityMetadata[]): Iterable<Column> {
  const stored = entities
    .flatMap(({ columns }) => columns)
    .filter(({ isVirtualProperty }) => !isVirtualProperty);
  return new Map(stored.map((column) => [column.databaseName, column])).values();
}

// TypeORM stamps the update date in every UPDATE, one of an unversioned column alone included, and so does the database
// with an ON UPDATE of its own.
function isStamp(
  { databaseName, isUpdateDate, onUpdate }: Column,
  version: Column,
  tokens: readonly Column[],
): boolean {
  if (databaseName === version.databaseName) return onUpdate !== undefined;
  return (
    (isUpdateDate || onUpdate !== undefined) && !tokens.some((token) => token.databaseName === databaseName)
  );
}

/**
 * Whether a column is one by which TypeORM finds its way in a tree. It keeps them right in other rows than the one that is
 * saved, and raises no version for it.
 */
export function isOfTree({ isMaterializedPath, isNestedSetLeft, isNestedSetRight }: Column): boolean {
  return isMaterializedPath || isNestedSetLeft || isNestedSetRight;
}

// Of entities that share a table, each has its own columns and those of its ancestors, and for TypeORM also those of its
// descendants; what a descendant declares of them holds.
function isUnversioned(guard: Guard, entities: readonly EntityMetadata[], { databaseName }: Column): boolean {
  const hasName = (column: Column): boolean => column.databaseName === databaseName;
  const declaring = entities.filter((entity) =>
    [...(guard.describe(entity)?.unversioned ?? [])].some(hasName),
  );
  const others = entities.filter((entity) => !declaring.includes(entity) && entity.columns.some(hasName));
  return (
    declaring.length > 0 &&
    others.every(({ childEntityMetadatas }) =>
      declaring.some((entity) => childEntityMetadatas.includes(entity)),
    )
  );
}
