import { isDeepStrictEqual } from "node:util";

/**
 * Whether two column values, in the form in which they go to the database, are the same value: Dates by their
 * time, bytes by content, objects and arrays in depth with keys in any order, bigints and their decimal text alike.
 */
export function isSameValue(left: unknown, right: unknown): boolean {
  if (Object.is(left, right)) return true;
  if (typeof left === "bigint" || typeof right === "bigint") return String(left) === String(right);
  if (typeof left !== "object" || typeof right !== "object" || left === null || right === null) {
    return left === right;
  }
  if (left instanceof Uint8Array && right instanceof Uint8Array) return Buffer.compare(left, right) === 0;
  return isDeepStrictEqual(left, right);
}
