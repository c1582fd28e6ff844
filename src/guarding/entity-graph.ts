import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { isElsewhere } from "../metadata/column";
import { rowId, rowKey } from "../metadata/row-identity";

/** The four ways in which an EntityManager writes entities. */
export type PersistMode = "save" | "remove" | "soft-remove" | "recover";

/** One entity that a save reaches. */
export interface GraphEntity {
  readonly metadata: EntityMetadata;
  readonly entity: ObjectLiteral;
  /** Undefined while the entity has no complete key. */
  readonly id: ObjectLiteral | undefined;
  /** The {@link rowKey} of its id. */
  readonly key: string | undefined;
  /** `member`: only named in a relation, so that at most its foreign key is written. */
  readonly role: "written" | "member";
  /** Whether it was given to the save, and not reached through a relation. */
  readonly isRoot: boolean;
}

export interface EntityGraph {
  readonly entities: readonly GraphEntity[];
  /** Whether all of it is one row: one entity, and nothing of its relations that is in other tables. */
  readonly isOneRow: boolean;
}

/**
 * Every entity that a save, remove, softRemove or recover reaches, found as TypeORM's CascadesSubjectBuilder finds
 * them: the given ones, those it cascades to, in depth, and the members of relations whose foreign key they hold.
 */
export function entityGraph(
  mode: PersistMode,
  roots: readonly { readonly metadata: EntityMetadata; readonly entity: ObjectLiteral }[],
): EntityGraph {
  const graph = new Map<ObjectLiteral, GraphEntity>();
  const add = (
    metadata: EntityMetadata,
    entity: ObjectLiteral,
    role: GraphEntity["role"],
    parent?: GraphEntity,
  ): GraphEntity | undefined => {
    const known = graph.get(entity);
    if (known?.role === "written" || (known !== undefined && role === "member")) return undefined;
    const id = rowId(metadata, entity, parent);
    const key = id && rowKey(metadata, id);
    const added: GraphEntity = { metadata, entity, id, key, role, isRoot: parent === undefined };
    graph.set(entity, added);
    return added;
  };
  const pending: GraphEntity[] = [];
  for (const { entity, metadata } of roots) {
    const root = add(metadata, entity, "written");
    if (root !== undefined) pending.push(root);
  }
  let isOneRow = pending.length === 1 && pending[0]?.metadata.treeType === undefined;
  for (const node of pending) {
    const { metadata, entity } = node;
    if (metadata.relations.length === 0) continue;
    if (
      metadata.relations.some(
        (relation) => isElsewhere(relation) && relation.getEntityValue(entity) !== undefined,
      ) ||
      // Of these TypeORM deletes what the database has, loaded or not.
      (mode === "remove" && metadata.manyToManyRelations.length > 0)
    ) {
      isOneRow = false;
    }
    for (const [relation, related, relatedMetadata] of metadata.extractRelationValuesFromEntity(
      entity,
      metadata.relations,
    )) {
      if (!isEntity(related)) continue;
      const role = cascades(relation, mode) ? "written" : "member";
      if (role === "member" && !isElsewhere(relation) && !hasCascade(relation)) continue;
      const added = add(relatedMetadata, related, role, node);
      if (added === undefined) continue;
      if (role === "written") isOneRow = false;
      if (role === "written" || hasCascade(relation)) pending.push(added);
    }
  }
  return { entities: [...graph.values()], isOneRow };
}

function cascades(relation: RelationMetadata, mode: PersistMode): boolean {
  switch (mode) {
    case "save":
      return relation.isCascadeInsert || relation.isCascadeUpdate;
    case "remove":
      return relation.isCascadeRemove;
    case "soft-remove":
      return relation.isCascadeSoftRemove;
    case "recover":
      return relation.isCascadeRecover;
    default:
      return mode satisfies never;
  }
}

// TypeORM 0.3 goes on through a relation that has any cascade, whether it is for what is being done or not.
function hasCascade(relation: RelationMetadata): boolean {
  return (
    relation.isCascadeInsert ||
    relation.isCascadeUpdate ||
    relation.isCascadeSoftRemove ||
    relation.isCascadeRecover
  );
}

function isEntity(value: unknown): value is ObjectLiteral {
  return typeof value === "object" && value !== null && !(value instanceof Promise);
}
