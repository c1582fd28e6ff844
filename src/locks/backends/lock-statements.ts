import type { QueryRunner } from "typeorm";
import type { LockDialect } from "./lock-tables";

interface LockSyntax {
  /** The clock of the database, in milliseconds since 1970; it goes on during a transaction. */
  readonly now: string;
  readonly greatest: string;
  /** Behind a SELECT whose row nobody else may write until the transaction ends. */
  readonly forUpdate: string;
  /** Behind an INSERT of keys of a lease that may exist already. */
  readonly unlessExists: string;
}

// In UTC, since local time is an hour late twice a year.
const mysqlSyntax: LockSyntax = {
  now: "(TIMESTAMPDIFF(MICROSECOND, '1970-01-01 00:00:00', UTC_TIMESTAMP(6)) DIV 1000)",
  greatest: "GREATEST",
  forUpdate: " FOR UPDATE",
  // Not INSERT IGNORE, which would also cut off what is too long.
  unlessExists: " ON DUPLICATE KEY UPDATE lease_id = lease_id",
};

export const lockSyntax: Readonly<Record<LockDialect, LockSyntax>> = {
  postgres: {
    now: "CAST(extract(epoch FROM clock_timestamp()) * 1000 AS bigint)",
    greatest: "GREATEST",
    forUpdate: " FOR UPDATE",
    unlessExists: " ON CONFLICT DO NOTHING",
  },
  mysql: mysqlSyntax,
  mariadb: mysqlSyntax,
  sqlite: {
    now: "CAST(ROUND((julianday('now') - 2440587.5) * 86400000) AS integer)",
    greatest: "MAX",
    forUpdate: "",
    unlessExists: " ON CONFLICT DO NOTHING",
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
  return `(${Array<string>(count).fill("?").join(", ")})`;
}

const chunkSize = 2000;

/** Lists of a length that every driver takes the parameters of. */
export function inChunks<T>(items: readonly T[]): T[][] {
  const chunks: T[][] = [];
  for (let start = 0; start < items.length; start += chunkSize)
    chunks.push(items.slice(start, start + chunkSize));
  return chunks;
}
