import type { EntityMetadata } from "typeorm";
import type { RelationMetadata } from "./relation";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { collections, type Column } from "./column";
import type { Declaration } from "./declaration";

/** The relations that were declared as those of an aggregate root. */
export function versionedRelations(
  metadata: EntityMetadata,
  declared: Declaration,
  rowVersion: Column | undefined,
): RelationMetadata[] {
  return declared.versionedRelations.map((path) => {
    const relation = metadata.relations.find(({ propertyPath }) => propertyPath === path);
    if (relation === undefined || relation.isManyToOne || !(relation.isOneToOne || isCollection(relation))) {
      throw new GuardConfigurationError(
        `${metadata.name}.${path} is declared as a versioned relation but is no one-to-many, one-to-one or many-to-many ` +
          `relation of the entity. Declare it on the aggregate root, on the relation to its members.`,
      );
    }
    if (rowVersion === undefined) {
      throw new GuardConfigurationError(
        `${metadata.name}.${path} is a versioned relation, but ${metadata.name} has no row version that a change of its ` +
          `members could raise. Give it a @RowVersion().`,
      );
    }
    return relation;
  });
}

function isCollection(relation: RelationMetadata): boolean {
  return collections(relation.entityMetadata).includes(relation);
}
