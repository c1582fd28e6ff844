import type { DriverType } from "./failures/driver-type";

const leadingComments = /^(?:\s|\/\*[^]*?\*\/|--[^\n]*(?:\n|$)|#[^\n]*(?:\n|$))*/;
const ending =
  /^(?:commit|end|abort|rollback(?!\s+(?:(?:work|transaction)\s+)?to\b)|begin|start\s+transaction)\b/i;

/**
 * What else ends a transaction on MySQL and MariaDB: MySQL Reference Manual, "Statements That Cause an Implicit Commit".
 */
const endingOnMysql =
  /^(?:alter|create(?!\s+(?:or\s+replace\s+)?temporary\b)|drop(?!\s+temporary\b)|rename|truncate|grant|revoke|lock\s+tables|unlock\s+tables|analyze|optimize|repair|check\s+table|flush|install|uninstall|set\s+autocommit)\b/i;

/** Whether a statement ends the transaction it is sent in, or begins another one. */
export function endsTransaction(driverType: DriverType, sql: string): boolean {
  const statement = sql.replace(leadingComments, "");
  const isMysql = driverType === "mysql" || driverType === "mariadb" || driverType === "aurora-mysql";
  return ending.test(statement) || (isMysql && endingOnMysql.test(statement));
}
