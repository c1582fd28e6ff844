import { inspect } from "node:util";

const maximumLength = 60;

/** One short line for a key or token value in a message. */
export function formatValue(value: unknown): string {
  if (typeof value === "number") return String(value);
  const text =
    value instanceof Date && !Number.isNaN(value.getTime())
      ? value.toISOString()
      : inspect(value, { depth: 2, breakLength: Infinity, compact: true });
  return text.length > maximumLength ? `${text.slice(0, maximumLength - 1)}…` : text;
}

/** `version 1`, or `price '1.20' and version 1`. */
export function formatTokens(values: Readonly<Record<string, unknown>>): string {
  let text = "";
  for (const path of Object.keys(values)) {
    text += `${text === "" ? "" : " and "}${path} ${formatValue(values[path])}`;
  }
  return text;
}

/** `Product {id: 7}`. */
export function formatRow(entityName: string, id: Readonly<Record<string, unknown>>): string {
  let key = "";
  for (const path of Object.keys(id)) key += `${key === "" ? "" : ", "}${path}: ${formatValue(id[path])}`;
  return `${entityName} {${key}}`;
}
