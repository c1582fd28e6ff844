import type { EntityMetadata, ObjectLiteral } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";

const known = new WeakMap<EntityDescription, boolean>();

/**
 * Whether an entity may fail to take what the database has made of its row: it is frozen or sealed, or code of the
 * application's is called for it. Then nothing must be left behind, and a single statement needs a transaction too.
 */
export function isFragile(description: EntityDescription, entity: ObjectLiteral): boolean {
  let callsCode = known.get(description);
  if (callsCode === undefined) {
    callsCode = transformsBack(description) || hasSetter(description.metadata);
    known.set(description, callsCode);
  }
  return callsCode || !Object.isExtensible(entity);
}

function transformsBack({ metadata, tokens }: EntityDescription): boolean {
  return metadata.columns.some(
    (column) =>
      column.transformer !== undefined &&
      (column.isUpdateDate || column.asExpression !== undefined || tokens.includes(column)),
  );
}

function hasSetter({ columns, target }: EntityMetadata): boolean {
  const properties = new Set(columns.map(({ propertyPath }) => propertyPath.split(".")[0]));
  let prototype: unknown = typeof target === "function" ? target.prototype : null;
  while (typeof prototype === "object" && prototype !== null && prototype !== Object.prototype) {
    for (const [name, property] of Object.entries(Object.getOwnPropertyDescriptors(prototype))) {
      if (property.set !== undefined && properties.has(name)) return true;
    }
    prototype = Object.getPrototypeOf(prototype) as unknown;
  }
  return false;
}
