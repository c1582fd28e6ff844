import type { EntityManager, EntityTarget, ObjectLiteral } from "typeorm";
import { isElsewhere } from "../metadata/column";
import { entityGraph } from "../guarding/entity-graph";
import { guardOfManager } from "../guarding/guard-of";

/**
 * Takes objects whose rows are gone out of the collections that a save of `root` reaches, in place: it would insert them
 * again.
 */
export function leaveOut(
  manager: EntityManager,
  root: ObjectLiteral,
  target: EntityTarget<ObjectLiteral> | undefined,
  gone: ReadonlySet<ObjectLiteral>,
): void {
  const { dataSource } = guardOfManager(manager);
  const metadata = dataSource.getMetadata(target ?? root.constructor).findInheritanceMetadata(root);
  for (const node of entityGraph("save", [{ metadata, entity: root }]).entities) {
    for (const relation of node.metadata.relations.filter(isElsewhere)) {
      const members: unknown = relation.getEntityValue(node.entity);
      if (!Array.isArray(members)) continue;
      const left = members.filter((member: ObjectLiteral) => !gone.has(member)) as unknown[];
      if (left.length < members.length) members.splice(0, members.length, ...left);
    }
  }
}
