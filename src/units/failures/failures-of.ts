import type { DriverType } from "./driver-type";
import type { DriverFailures } from "./driver-failures";
import { mssqlFailures } from "./mssql";
import { mysqlFailures } from "./mysql";
import { oracleFailures } from "./oracle";
import { postgresFailures } from "./postgres";
import { sqliteFailures } from "./sqlite";

const families: Readonly<Record<string, DriverFailures>> = {
  postgres: postgresFailures,
  "aurora-postgres": postgresFailures,
  cockroachdb: postgresFailures,
  mysql: mysqlFailures,
  "aurora-mysql": mysqlFailures,
  mariadb: mysqlFailures,
  sqlite: sqliteFailures,
  "better-sqlite3": sqliteFailures,
  sqljs: sqliteFailures,
  expo: sqliteFailures,
  capacitor: sqliteFailures,
  cordova: sqliteFailures,
  "react-native": sqliteFailures,
  nativescript: sqliteFailures,
  mssql: mssqlFailures,
  oracle: oracleFailures,
};

/** What the errors of a driver mean; `undefined` for a driver of which nothing is known. */
export function failuresOf(driverType: DriverType): DriverFailures | undefined {
  return families[driverType];
}
