import type { DataSource, EntityMetadata } from "typeorm";

/** The name of a table as TypeORM writes it. */
export function escapedTable({ driver }: DataSource, { tablePath }: EntityMetadata): string {
  return tablePath
    .split(".")
    .map((part) => (part === "" ? part : driver.escape(part)))
    .join(".");
}
