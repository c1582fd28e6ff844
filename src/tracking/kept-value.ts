import type { Column } from "../metadata/column";
import { copyValue, uncopyable } from "./value-copy";

/** What comes from and goes to the database as JSON, which is shorter than its copy. */
class KeptJson {
  constructor(readonly text: string) {}
}

/** A moment, which takes a quarter of a Date's memory. */
class KeptDate {
  constructor(readonly time: number) {}
}

/** A value that only its transformer can make again, in the form in which it goes to the database. */
class Persisted {
  constructor(readonly value: unknown) {}
}

/**
 * The form in which an original keeps a column's value: a copy, or for an object that only a transformer knows, what it
 * sends to the database. Undefined where neither can be had; the value then counts as one that was never loaded, and
 * TypeORM compares with the row as it is.
 */
export function keptValue(column: Column, value: unknown): unknown {
  if (isImmutable(value) && (typeof value !== "number" || !isJson(column))) return value;
  if (isJson(column) && column.transformer === undefined) {
    const text = JSON.stringify(value) as string | undefined;
    return text === undefined ? undefined : new KeptJson(text);
  }
  if (value instanceof Date) return new KeptDate(value.getTime());
  const copy = copyValue(value);
  if (copy !== uncopyable) return copy;
  const persisted = column.transformer === undefined ? uncopyable : copyValue(persistedForm(column, value));
  return persisted === uncopyable ? undefined : new Persisted(persisted);
}

function isImmutable(value: unknown): boolean {
  return value === null || (typeof value !== "object" && typeof value !== "function");
}

/** Whether a value is seen at once to be the one that was kept; others may be the same to the database. */
export function isKeptAs(kept: unknown, value: unknown): boolean {
  if (typeof kept !== "object" || kept === null) return value === kept;
  if (kept instanceof KeptDate) return value instanceof Date && value.getTime() === kept.time;
  return kept instanceof KeptJson && JSON.stringify(value) === kept.text;
}

/** The inverse of {@link keptValue}: the value as a property of the entity would hold it. */
export function propertyValue(column: Column, kept: unknown): unknown {
  if (typeof kept !== "object" || kept === null) return kept;
  if (kept instanceof KeptDate) return new Date(kept.time);
  if (kept instanceof KeptJson) return JSON.parse(kept.text);
  return kept instanceof Persisted ? transform(column, copyValue(kept.value), "from") : copyValue(kept);
}

/** The value as it goes to the database, before its driver's own conversion. */
export function persistedForm(column: Column, value: unknown): unknown {
  const persisted = transform(column, value, "to");
  return isJson(column) ? asJson(persisted) : persisted;
}

/** The inverse of {@link persistedForm}. */
export function fromPersistedForm(column: Column, value: unknown): unknown {
  return transform(column, value, "from");
}

export function isJson(column: Column): boolean {
  return column.type === "json" || column.type === "jsonb" || column.type === "simple-json";
}

/** What is left of a value after a way through JSON. */
export function asJson(value: unknown): unknown {
  const text = JSON.stringify(value) as string | undefined;
  return text === undefined ? undefined : JSON.parse(text);
}

function transform(column: Column, value: unknown, direction: "from" | "to"): unknown {
  const transformers = [column.transformer ?? []].flat();
  const ordered = direction === "from" ? transformers.reverse() : transformers;
  return ordered.reduce<unknown>((current, transformer) => transformer[direction](current), value);
}
