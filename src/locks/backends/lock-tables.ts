import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../../errors/guard-configuration-error";
import { dialectOf, type Dialect } from "../../metadata/dialect";

/** The databases that can keep locks. */
export type LockDialect = Exclude<Dialect, "other">;

/** The names of the tables that locks are kept in, quoted, with their schema. */
export interface LockTables {
  /** One row: what everybody who claims something waits for, and the last fencing token. */
  readonly gate: string;
  /** A row for each lease, granted or waiting. */
  readonly lease: string;
  /** A row for each key of a lease. */
  readonly entity: string;
}

const names = {
  gate: "concurrency_lock_gate",
  lease: "concurrency_lock_lease",
  entity: "concurrency_lock_entity",
} as const satisfies Record<keyof LockTables, string>;

/** @throws GuardConfigurationError for a database that cannot keep locks. */
export function lockDialectOf(dataSource: DataSource): LockDialect {
  const dialect = dialectOf(dataSource);
  if (dialect !== "other" && dataSource.options.type !== "cockroachdb") return dialect;
  throw new GuardConfigurationError(
    `Locks can be kept in PostgreSQL, MySQL, MariaDB and SQLite, not in ${dataSource.options.type}. Use redisLocks(client).`,
  );
}

/** In the DataSource's own schema, if it names one. */
export function lockTablesOf({ driver, options }: DataSource): LockTables {
  const { schema } = options as { readonly schema?: string };
  const quoted = (name: string): string =>
    (schema === undefined ? [name] : [schema, name]).map((part) => driver.escape(part)).join(".");
  return { gate: quoted(names.gate), lease: quoted(names.lease), entity: quoted(names.entity) };
}

interface TableSyntax {
  readonly key: string;
  readonly id: string;
  readonly operation: string;
  readonly reason: string;
  readonly number: string;
  /** Behind CREATE TABLE. */
  readonly options: string;
  /** Makes the only row of the gate. */
  readonly insertGate: (gate: string) => string;
}

// Operations are compared byte by byte: the collations of MySQL ignore spaces at the end.
const mysqlSyntax: TableSyntax = {
  key: "varchar(190) CHARACTER SET ascii COLLATE ascii_bin",
  id: "varchar(36) CHARACTER SET ascii COLLATE ascii_bin",
  operation: "varbinary(760)",
  reason: "text CHARACTER SET utf8mb4",
  number: "bigint",
  options: " ENGINE=InnoDB",
  insertGate: (gate) => `INSERT IGNORE INTO ${gate} (id, last_token) VALUES (1, 0)`,
};

const syntax: Readonly<Record<LockDialect, TableSyntax>> = {
  postgres: {
    key: `varchar(190) COLLATE "C"`,
    id: `varchar(36) COLLATE "C"`,
    operation: `varchar(190) COLLATE "C"`,
    reason: "text",
    number: "bigint",
    options: "",
    insertGate: (gate) => `INSERT INTO ${gate} (id, last_token) VALUES (1, 0) ON CONFLICT DO NOTHING`,
  },
  mysql: mysqlSyntax,
  mariadb: mysqlSyntax,
  sqlite: {
    key: "text",
    id: "text",
    operation: "text",
    reason: "text",
    number: "integer",
    options: "",
    insertGate: (gate) => `INSERT OR IGNORE INTO ${gate} (id, last_token) VALUES (1, 0)`,
  },
};

/** The statements that make the tables where there are none yet. */
export function createLockTablesSql(dataSource: DataSource): string[] {
  const { entity, gate, lease } = lockTablesOf(dataSource);
  const { id, insertGate, key, number, operation, options, reason } = syntax[lockDialectOf(dataSource)];
  return [
    `CREATE TABLE IF NOT EXISTS ${gate} (id integer NOT NULL PRIMARY KEY, last_token ${number} NOT NULL)${options}`,
    `CREATE TABLE IF NOT EXISTS ${lease} (id ${id} NOT NULL PRIMARY KEY, operation ${operation} NOT NULL, ` +
      `reason ${reason}, ticket ${number} NOT NULL, fencing_token ${number}, since ${number} NOT NULL, ` +
      `expires_at ${number} NOT NULL)${options}`,
    `CREATE TABLE IF NOT EXISTS ${entity} (entity ${key} NOT NULL, lease_id ${id} NOT NULL, ` +
      `PRIMARY KEY (entity, lease_id), UNIQUE (lease_id, entity))${options}`,
    insertGate(gate),
  ];
}

/** The statements that take the tables away, and all locks with them. */
export function dropLockTablesSql(dataSource: DataSource): string[] {
  const { entity, gate, lease } = lockTablesOf(dataSource);
  return [entity, lease, gate].map((table) => `DROP TABLE IF EXISTS ${table}`);
}
