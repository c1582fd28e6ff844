/** What {@link copyValue} answers for a value that has an inside nobody but its class knows how to copy. */
export const uncopyable = Symbol("uncopyable");

/**
 * A copy that later edits of the value in place cannot reach: Dates, bytes, and plain objects and arrays in depth;
 * primitives as they are.
 */
export function copyValue(value: unknown): unknown {
  if (typeof value !== "object" || value === null) return typeof value === "function" ? uncopyable : value;
  if (value instanceof Date) return new Date(value.getTime());
  if (value instanceof Uint8Array) return Buffer.from(value);
  if (Array.isArray(value)) return copyEach(value, (copies) => copies);
  if (!isPlainObject(value)) return uncopyable;
  const keys = Object.keys(value);
  return copyEach(Object.values(value), (copies) =>
    Object.fromEntries(keys.map((key, index) => [key, copies[index]])),
  );
}

function copyEach(values: readonly unknown[], assemble: (copies: unknown[]) => unknown): unknown {
  const copies = values.map(copyValue);
  return copies.includes(uncopyable) ? uncopyable : assemble(copies);
}

function isPlainObject(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}
