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

const defaultBusyTimeoutMs = 5000;
const leastBusyTimeoutMs = 1000;

/**
 * How long the DataSource's SQLite driver waits for a lock: its option `timeout` or `busyTimeout`. The default is
 * better-sqlite3's; no less than a second, which is nothing to wait for one's neighbours in the same process.
 */
export function busyTimeoutMs({ options }: DataSource): number {
  const { busyTimeout, timeout } = options as { readonly timeout?: unknown; readonly busyTimeout?: unknown };
  const asked = [timeout, busyTimeout].find((value) => typeof value === "number") ?? defaultBusyTimeoutMs;
  return Math.max(asked, leastBusyTimeoutMs);
}
