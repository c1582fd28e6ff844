import type { ObjectLiteral } from "typeorm";

/**
 * The value at a property path, `address.city`; undefined where there is none. Of a lazy relation what it has turned out
 * to hold: it is neither woken nor waited for, and a promise counts as undefined.
 */
export function propertyAt(object: unknown, path: string): unknown {
  return path.split(".").reduce(propertyOf, object);
}

function propertyOf(object: unknown, property: string): unknown {
  if (typeof object !== "object" || object === null) return undefined;
  // Where TypeORM keeps what a lazy relation holds.
  const lazy = `__${property}__`;
  if (Object.hasOwn(object, lazy)) return (object as ObjectLiteral)[lazy];
  if (Object.getOwnPropertyDescriptor(object, property)?.get !== undefined) return undefined;
  const value: unknown = (object as ObjectLiteral)[property];
  return value instanceof Promise ? undefined : value;
}

/** Gives an object of plain nested objects a value at a property path. */
export function setPropertyAt(object: ObjectLiteral, path: string, value: unknown): void {
  const properties = path.split(".");
  const last = properties.pop() as string;
  const holder = properties.reduce<ObjectLiteral>(
    (inner, property) => (inner[property] ??= {}) as ObjectLiteral,
    object,
  );
  holder[last] = value;
}
