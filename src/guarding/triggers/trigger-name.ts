import { createHash } from "node:crypto";
import { StringDecoder } from "node:string_decoder";

// PostgreSQL keeps 63 bytes of a name, MySQL and MariaDB 64 characters.
const longestBytes = 63;
const hashLength = 8;

/**
 * The name of what raises a version column: always the same for a table and column, and never that of another pair,
 * whose trigger or function would be replaced by it.
 */
export function triggerName(table: string, column: string): string {
  const joined = `${table}__${column}`;
  const name = `tc_rowversion_${joined}`;
  const isUnambiguous = joined.match(/_(?=_)/g)?.length === 1;
  if (isUnambiguous && Buffer.byteLength(name) <= longestBytes) return name;
  const hash = createHash("sha256")
    .update(JSON.stringify([table, column]))
    .digest("hex")
    .slice(0, hashLength);
  return `${beginningOf(name, longestBytes - hashLength - 1)}_${hash}`;
}

// The decoder leaves out a character that is cut through.
function beginningOf(text: string, bytes: number): string {
  return new StringDecoder("utf8").write(Buffer.from(text).subarray(0, bytes));
}
