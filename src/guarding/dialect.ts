import type { DataSource } from "typeorm";

/** The families of databases whose comparison rules differ. `other` compares with plain equality. */
export type Dialect = "postgres" | "mysql" | "mariadb" | "sqlite" | "other";

const families: Readonly<Record<string, Dialect>> = {
  postgres: "postgres",
  "aurora-postgres": "postgres",
  cockroachdb: "postgres",
  mysql: "mysql",
  "aurora-mysql": "mysql",
  mariadb: "mariadb",
  sqlite: "sqlite",
  "better-sqlite3": "sqlite",
  sqljs: "sqlite",
  expo: "sqlite",
  capacitor: "sqlite",
  cordova: "sqlite",
  "react-native": "sqlite",
  nativescript: "sqlite",
};

/**
 * The dialect a DataSource speaks. MariaDB reached through the `mysql` driver type is known by its version, of which
 * TypeORM keeps only the number: MySQL's are below 10, MariaDB's are not.
 */
export function dialectOf({ options, driver }: DataSource): Dialect {
  const family = families[options.type] ?? "other";
  return family === "mysql" && Number.parseInt(driver.version ?? "", 10) >= 10 ? "mariadb" : family;
}

/** Whether the DataSource has one connection that all its query runners share. */
export function hasSingleConnection(dataSource: DataSource): boolean {
  return dialectOf(dataSource) === "sqlite";
}
