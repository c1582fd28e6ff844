/** A column's value as JSON that {@link decodeValue} can make it from again: Dates, bytes and bigints included. */
export function encodeValue(value: unknown): unknown {
  if (typeof value === "bigint") return { n: String(value) };
  if (typeof value !== "object" || value === null) return value;
  if (value instanceof Date) return { d: value.toISOString() };
  if (value instanceof Uint8Array) return { b: Buffer.from(value).toString("base64url") };
  if (Array.isArray(value)) return { a: value.map(encodeValue) };
  return { o: Object.entries(value).map(([key, inner]) => [key, encodeValue(inner)]) };
}

/** The inverse of {@link encodeValue}. Of what that did not make, something or an error. */
export function decodeValue(encoded: unknown): unknown {
  if (typeof encoded !== "object" || encoded === null) return encoded;
  const { a, b, d, n, o } = encoded as {
    a?: unknown[];
    b?: string;
    d?: string;
    n?: string;
    o?: [string, unknown][];
  };
  if (n !== undefined) return BigInt(n);
  if (d !== undefined) return new Date(d);
  if (b !== undefined) return Buffer.from(b, "base64url");
  if (a !== undefined) return a.map(decodeValue);
  return Object.fromEntries((o ?? []).map(([key, inner]) => [key, decodeValue(inner)]));
}
