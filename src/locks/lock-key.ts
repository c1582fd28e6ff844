import { createHash } from "node:crypto";
import { keyText } from "../metadata/row-identity";

const maximumLength = 190;
const digestLength = 64;

/**
 * What the backends know a row by: its table and its key, readable for operators, in 190 characters at most, which every
 * database can index.
 *
 * @param values of the key's columns, in their order.
 * @returns undefined where one of them is missing.
 */
export function lockKey(tablePath: string, values: readonly unknown[]): string | undefined {
  const texts = values.map(keyText);
  if (texts.length === 0 || texts.includes(undefined)) return undefined;
  // JSON has no zero bytes, which PostgreSQL refuses, and no trailing spaces, which MySQL ignores.
  const key = `${tablePath}${JSON.stringify(texts)}`;
  if (key.length <= maximumLength && isAscii(key)) return key;
  const digest = createHash("sha256").update(key).digest("hex");
  return `${key.replace(/[^ -~]/g, "?").slice(0, maximumLength - digestLength - 1)}#${digest}`;
}

function isAscii(text: string): boolean {
  return /^[ -~]*$/.test(text);
}
