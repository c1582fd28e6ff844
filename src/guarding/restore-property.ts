/** Gives a property of an object the own descriptor it had, or none if it had none. */
export function restoreProperty(
  target: object,
  property: string,
  before: PropertyDescriptor | undefined,
): void {
  if (before === undefined) Reflect.deleteProperty(target, property);
  else Object.defineProperty(target, property, before);
}
