import type { EntityMetadata, ObjectLiteral } from "typeorm";

/**
 * Calls `visit` once for each entity of a loaded graph: the given ones and, when `joined`, those in their
 * relations, as far as they are loaded. Lazy relations are not woken.
 */
export function visitLoaded(
  metadata: EntityMetadata,
  entities: readonly ObjectLiteral[],
  joined: boolean,
  visit: (metadata: EntityMetadata, entity: ObjectLiteral) => void,
): void {
  const visited = new Set<ObjectLiteral>();
  const pending = entities.map((entity) => ({ metadata, entity }));
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    if (visited.has(next.entity)) continue;
    visited.add(next.entity);
    const actual = next.metadata.findInheritanceMetadata(next.entity);
    visit(actual, next.entity);
    if (!joined) continue;
    for (const relation of actual.relations) {
      for (const related of [relation.getEntityValue(next.entity) as unknown].flat()) {
        if (typeof related === "object" && related !== null && !(related instanceof Promise)) {
          pending.push({ metadata: relation.inverseEntityMetadata, entity: related });
        }
      }
    }
  }
}
