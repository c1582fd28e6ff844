import type { EntityMetadata, ObjectLiteral } from "typeorm";

/** A property that a join put entities into without being a relation. */
export interface MappedProperty {
  readonly property: string;
  readonly metadata: EntityMetadata;
}

/**
 * Calls `visit` once for each entity of a loaded graph: the given ones and, when `joined`, those in their relations and
 * in `mapped` properties, as far as they are loaded. Lazy relations are not woken.
 */
export function visitLoaded(
  metadata: EntityMetadata,
  entities: readonly ObjectLiteral[],
  joined: boolean,
  mapped: readonly MappedProperty[],
  visit: (metadata: EntityMetadata, entity: ObjectLiteral) => void,
): void {
  if (!joined) {
    for (const entity of entities) visit(metadata.findInheritanceMetadata(entity), entity);
    return;
  }
  const visited = new Set<ObjectLiteral>();
  const pending = entities.map((entity) => ({ metadata, entity }));
  const follow = (of: EntityMetadata, value: unknown): void => {
    for (const related of Array.isArray(value) ? (value as unknown[]) : [value]) {
      if (typeof related === "object" && related !== null && !(related instanceof Promise)) {
        pending.push({ metadata: of, entity: related });
      }
    }
  };
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (visited.has(next.entity)) continue;
    visited.add(next.entity);
    const actual = next.metadata.findInheritanceMetadata(next.entity);
    visit(actual, next.entity);
    for (const relation of actual.relations) {
      follow(relation.inverseEntityMetadata, relation.getEntityValue(next.entity));
    }
    for (const { property, metadata: of } of mapped) follow(of, next.entity[property]);
  }
}
