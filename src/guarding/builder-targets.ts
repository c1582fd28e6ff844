import type { EntityMetadata, ObjectLiteral, QueryBuilder } from "typeorm";

// Kept beside the builders rather than on them: a builder is given its guarded class after it was constructed.
const targets = new WeakMap<object, readonly ObjectLiteral[]>();

/** Notes the key maps that a builder was told to go by; other criteria make it one without. */
export function setTargets(builder: object, criteria: unknown): void {
  const all: unknown[] = [criteria].flat();
  const ids = all.filter((id): id is ObjectLiteral => typeof id === "object" && id !== null);
  if (ids.length > 0 && ids.length === all.length) targets.set(builder, ids);
  else targets.delete(builder);
}

export function targetsOf(builder: object): readonly ObjectLiteral[] {
  return targets.get(builder) ?? [];
}

/** The entity a builder is about, undefined for a table without one. */
export function metadataOf({
  expressionMap: { mainAlias },
}: QueryBuilder<ObjectLiteral>): EntityMetadata | undefined {
  return mainAlias?.hasMetadata ? mainAlias.metadata : undefined;
}

/** The key maps that "ids" stand for in a builder's whereInIds: bare ids or key maps, one or many. */
export function keyMaps(metadata: EntityMetadata | undefined, ids: unknown): unknown {
  const all: unknown[] = [ids].flat();
  return metadata === undefined
    ? ids
    : all.map((id) => (id === undefined ? id : metadata.ensureEntityIdMap(id)));
}
