import type { QueryRunner } from "typeorm";
import type { LockDialect, LockTables } from "./lock-tables";

interface LockSyntax {
  /** The clock of the database, in milliseconds since 1970; it goes on during a transaction. */
  readonly now: string;
  readonly greatest: string;
  /** Behind a SELECT whose row nobody else may write until the transaction ends. */
  readonly forUpdate: string;
  /** Behind an INSERT of keys of a lease that may exist already. */
  readonly unlessExists: string;
  /**
   * FROM and WHERE of the entities `e` with these keys, which are its parameters, and of their leases `l`. The keys come first
   * and go by the index, whatever the database thinks of how much is held: that changes faster than its statistics.
   */
  readonly ofKeys: (tables: LockTables, count: number) => string;
}

// In UTC, since local time is an hour late twice a year.
const mysqlSyntax: LockSyntax = {
  now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000)",
  greatest: "GREATEST",
  forUpdate: " FOR UPDATE",
  // Not INSERT IGNORE, which would also cut off what is too long.
  unlessExists: " ON DUPLICATE KEY UPDATE lease_id = lease_id",
  ofKeys: ({ entity, lease }, count) =>
    `FROM ${entity} e FORCE INDEX (PRIMARY) STRAIGHT_JOIN ${lease} l ON l.id = e.lease_id ` +
    `WHERE e.entity IN ${placeholders(count)}`,
};

export const lockSyntax: Readonly<Record<LockDialect, LockSyntax>> = {
  postgres: {
    now: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
    greatest: "GREATEST",
    forUpdate: " FOR UPDATE",
    unlessExists: " ON CONFLICT DO NOTHING",
    // OFFSET keeps each key a query by itself: of a table that was not analyzed, half is expected to match a list. BETWEEN, which
    // all leases are, keeps it from expecting so much of one key that the query would be compiled first.
    ofKeys: ({ entity, lease }, count) =>
      `FROM unnest(CAST(ARRAY[${markers(count)}] AS varchar[])) k (entity) CROSS JOIN LATERAL ` +
      `(SELECT i.entity, i.lease_id FROM ${entity} i WHERE i.entity = k.entity AND i.lease_id BETWEEN '' AND '~' OFFSET 0) e ` +
      `JOIN ${lease} l ON l.id = e.lease_id WHERE TRUE`,
  },
  mysql: mysqlSyntax,
  mariadb: mysqlSyntax,
  sqlite: {
    now: "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS integer)",
    greatest: "MAX",
    forUpdate: "",
    unlessExists: " ON CONFLICT DO NOTHING",
    ofKeys: ({ entity, lease }, count) =>
      `FROM ${entity} e CROSS JOIN ${lease} l ON l.id = e.lease_id WHERE e.entity IN ${placeholders(count)}`,
  },
};

export type LockRow = Readonly<Record<string, unknown>>;

/** Sends statements that are written with `?`. */
export class LockStatements {
  constructor(
    private readonly queryRunner: QueryRunner,
    private readonly dialect: LockDialect,
  ) {}

  async select(sql: string, parameters: readonly unknown[]): Promise<readonly LockRow[]> {
    return (await this.queryRunner.query(this.#inDialect(sql), [...parameters])) as LockRow[];
  }

  /** @returns how many rows were changed. */
  async change(sql: string, parameters: readonly unknown[]): Promise<number> {
    const { affected } = await this.queryRunner.query(this.#inDialect(sql), [...parameters], true);
    return affected ?? 0;
  }

  #inDialect(sql: string): string {
    if (this.dialect !== "postgres") return sql;
    let position = 0;
    return sql.replace(/\?/g, () => `$${++position}`);
  }
}

/** `(?, ?, ?)` */
export function placeholders(count: number): string {
  return `(${markers(count)})`;
}

function markers(count: number): string {
  return Array<string>(count).fill("?").join(", ");
}

const chunkSize = 2000;

/** Lists of a length that every driver takes the parameters of. */
export function inChunks<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += chunkSize)
    chunks.push(items.slice(start, start + chunkSize));
  return chunks;
}
