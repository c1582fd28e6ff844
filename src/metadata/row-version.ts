import { VersionColumn, type ColumnOptions } from "typeorm";
import { declare } from "./declaration";

/** How the row's version column looks in the table: `name`, `comment`, `default`, … as for `@VersionColumn`. */
export type RowVersionOptions = Omit<ColumnOptions, "type" | "select" | "nullable" | "transformer" | "array">;

/**
 * The row's version: an integer that every INSERT sets to 1 and every UPDATE raises by one in the statement
 * itself. In a guarded DataSource a save, remove, softRemove or recover of the entity reaches the row only while
 * the row still has the version the entity was read with.
 *
 * One per entity. It is TypeORM's `@VersionColumn` and replaces it; an entity that already has that one needs
 * no change.
 *
 * @param options column options.
 */
export function RowVersion(options: RowVersionOptions = {}): PropertyDecorator {
  return (prototype, property) => {
    VersionColumn(options)(prototype, property);
    declare(prototype.constructor, "rowVersions", String(property));
  };
}
