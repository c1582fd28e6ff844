import type { DataSource, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";

/*
 * Why here: what a lazy relation holds is read long after its entity, when somebody awaits it, by the DataSource's
 * relation loader. Without knowing what was read a save could not tell the caller's own changes of a lazy collection from
 * other people's.
 *
 * `load` is replaced on the loader instance. Checked against TypeORM 0.3.31 and 1.1.1; the tests of lazy collections
 * notice when it stops working. Undone by the returned function.
 */

type Loader = DataSource["relationLoader"];

/** Makes the guard hear of lazy relations that are loaded. */
export function hookLazyRelations(guard: Guard): () => void {
  const loader = guard.dataSource.relationLoader;
  const ownBefore = Object.getOwnPropertyDescriptor(loader, "load");
  const { load } = loader;
  Object.defineProperty(loader, "load", {
    configurable: true,
    writable: true,
    async value(this: Loader, ...parameters: Parameters<Loader["load"]>): Promise<ObjectLiteral[]> {
      const related = (await load.apply(this, parameters)) as ObjectLiteral[];
      const [relation, entity] = parameters;
      if (guard.isActive && !Array.isArray(entity)) noteRelated(guard, relation, entity, related);
      return related;
    },
  });
  return () => restoreProperty(loader, "load", ownBefore);
}

function noteRelated(
  guard: Guard,
  relation: RelationMetadata,
  entity: ObjectLiteral,
  related: readonly ObjectLiteral[],
): void {
  guard.tracker.noteRelated(entity, relation, related);
  const metadata = guard.tracker.originalOf(entity)?.shape.metadata;
  const isVersioned =
    metadata !== undefined &&
    guard
      .describe(metadata)
      ?.versionedRelations.some(({ propertyPath }) => propertyPath === relation.propertyPath);
  if (isVersioned) guard.memberRoots.note(entity, relation, related);
}
