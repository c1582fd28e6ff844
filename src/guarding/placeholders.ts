import type { Dialect } from "../metadata/dialect";

/** Makes the placeholders of one statement, one after the other. */
export function placeholders(dialect: Dialect): () => string {
  let count = 0;
  return () => (dialect === "postgres" ? `$${++count}` : "?");
}
