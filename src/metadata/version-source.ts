import type { ObjectLiteral } from "typeorm";

/**
 * Makes the version that a write gives to its row.
 *
 * @param previous the version the writer relies on; undefined at an INSERT and for a write that loaded nothing, an
 * `update()` for one.
 * @param values the entity that is saved, or the values that a statement sets.
 * @returns a value of the column's type, never the same twice in a row. Of a Date that is not later than the previous
 * one by a unit of the column's precision, the guard makes one that is.
 */
export type NextVersion = (previous: unknown, values: Readonly<ObjectLiteral>) => unknown;

/**
 * Where a row's version comes from. `increment`: an integer that the UPDATE itself raises. `xmin`: PostgreSQL's system
 * column. `database`: a column that the database changes by itself. `application`: made by a function.
 */
export type VersionSource =
  | { readonly kind: "increment" }
  | { readonly kind: "xmin" }
  | { readonly kind: "database" }
  | { readonly kind: "application"; readonly next: NextVersion };

export interface VersionSourceOptions {
  readonly source?: "xmin" | "database" | undefined;
  readonly next?: NextVersion | undefined;
}

export function versionSourceOf({ source, next }: VersionSourceOptions): VersionSource {
  if (next !== undefined) return { kind: "application", next };
  return { kind: source ?? "increment" };
}
