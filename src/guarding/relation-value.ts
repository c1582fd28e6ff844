import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";

/** Gives a row another value of a relation. TypeORM's own setter merges the new value into the one that is there. */
export function replaceRelationValue(relation: RelationMetadata, row: ObjectLiteral, value: unknown): void {
  const parents = relation.propertyPath.split(".").slice(0, -1);
  const holder = parents.reduce<unknown>(
    (inner, property) => (inner as ObjectLiteral | undefined)?.[property],
    row,
  );
  const property = relation.isLazy ? `__${relation.propertyName}__` : relation.propertyName;
  if (typeof holder === "object" && holder !== null) Reflect.deleteProperty(holder, property);
  relation.setEntityValue(row, value);
}
