import { mergeDeclarations, type Declaration } from "./declaration";
import { compareMode, type OptimisticLockingOptions } from "./optimistic-locking";
import { versionSourceOf, type NextVersion } from "./version-source";

/** What the decorators say, for entities that cannot carry them: an EntitySchema, a class of somebody else's. */
export interface EntityConcurrency {
  /**
   * Property path of the row version, a column that TypeORM knows as one (`version: true` in an EntitySchema), or an
   * object that says where it comes from; see `@RowVersion()`. For `xmin` the column is a virtual property whose query
   * gives `xmin` as text.
   */
  readonly rowVersion?:
    | string
    | {
        readonly property: string;
        readonly source?: "xmin" | "database";
        readonly next?: NextVersion;
      };
  /** Property paths of columns, or of relations with a foreign key, whose original values must still hold. */
  readonly concurrencyTokens?: readonly string[];
  /** As `@OptimisticLocking()`. */
  readonly optimisticLocking?: OptimisticLockingOptions;
  /** As `@UpdateAllColumns()`. Default false. */
  readonly updateAllColumns?: boolean;
  /** Property paths of columns whose change neither checks nor raises the version. */
  readonly unversioned?: readonly string[];
  /** Property paths of relations whose members belong to the entity; see `@VersionedRelation()`. */
  readonly versionedRelations?: readonly string[];
}

/** The same as decorators would have declared it. */
export function toDeclaration(declared: EntityConcurrency, entityName: string): Declaration {
  const { rowVersion, optimisticLocking, ...others } = declared;
  const version = typeof rowVersion === "string" ? { property: rowVersion } : rowVersion;
  return mergeDeclarations([
    {
      ...others,
      rowVersions:
        version === undefined ? [] : [{ property: version.property, source: versionSourceOf(version) }],
      compare: optimisticLocking && compareMode(optimisticLocking.compare, entityName),
    },
  ]);
}
