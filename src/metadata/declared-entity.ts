import type { EntityMetadata } from "typeorm";
import { isOwnColumn } from "./column";
import { declarationInside, declarationOf, mergeDeclarations, type Declaration } from "./declaration";
import { toDeclaration, type EntityConcurrency } from "./entity-concurrency";

export interface DescriptionOptions {
  /** Whether a `@VersionColumn` counts as a row version without being declared as one. */
  readonly versionColumns: boolean;
  /** Declarations without decorators, of the entity and its ancestors. */
  readonly declared: readonly EntityConcurrency[];
}

/** All that is declared of an entity, by its class, its ancestors, its embeddeds and without decorators. */
export function declaredOf(
  metadata: EntityMetadata,
  { versionColumns, declared }: DescriptionOptions,
): Declaration {
  const versions = versionColumns
    ? metadata.columns.filter((column) => column.isVersion && isOwnColumn(metadata, column))
    : [];
  return mergeDeclarations([
    {
      rowVersions: versions.map(({ propertyPath }) => ({
        property: propertyPath,
        source: { kind: "increment" },
      })),
    },
    declarationOf(metadata.target),
    ...metadata.allEmbeddeds.map(({ type, propertyPath }) =>
      declarationInside(propertyPath, {
        ...declarationOf(type),
        compare: undefined,
        updateAllColumns: false,
      }),
    ),
    ...declared.map((its) => toDeclaration(its, metadata.name)),
  ]);
}
