import { declare } from "./declaration";

/**
 * The members of this relation belong to the entity, its aggregate root: adding, removing or changing one of them
 * checks the root's tokens and raises its version, once per save, whether the root is saved or a member whose root is
 * known. So nobody changes a collection on top of one that somebody else has changed meanwhile.
 *
 * On a one-to-many, one-to-one or many-to-many relation, of an entity with a row version.
 */
export function VersionedRelation(): PropertyDecorator {
  return (prototype, property) => declare(prototype.constructor, { versionedRelations: [String(property)] });
}
