import type { DataSource } from "typeorm";
import { hasSingleConnection } from "../metadata/dialect";

/** What TypeORM and its drivers read the size of a pool from. */
interface PoolOptions {
  readonly type: string;
  readonly poolSize?: unknown;
  readonly extra?: Readonly<Record<string, unknown>>;
  readonly replication?: { readonly master?: { readonly poolSize?: unknown } };
}

/** The size of a pool that nobody has given one; pg's, mysql2's and mysql's. */
const defaultPoolSize = 10;

/**
 * How many connections to its primary a DataSource may have at once: 1 on SQLite, else an integer from 1, or Infinity
 * for a pool without a limit.
 */
export function poolSizeOf(dataSource: DataSource): number {
  return hasSingleConnection(dataSource) ? 1 : configuredPoolSize(dataSource.options as PoolOptions);
}

/**
 * The size of the pool of the primary by the options of a DataSource. TypeORM puts everything in `extra` over what it has
 * made of its own options. A size that is none counts as absent.
 *
 * Checked against the drivers of TypeORM 0.3.31 and 1.1.1, pg-pool 3 and mysql2 3; the test that compares it with real
 * pools notices when it is no longer so.
 */
export function configuredPoolSize({ type, poolSize, extra, replication }: PoolOptions): number {
  switch (type) {
    case "postgres":
    case "cockroachdb": {
      const given = { max: poolSize, poolSize: undefined, ...extra };
      return sizeFrom(given.max) ?? sizeFrom(given.poolSize) ?? defaultPoolSize;
    }
    case "mysql":
    case "mariadb": {
      const own = replication?.master?.poolSize ?? poolSize;
      const { connectionLimit } = { connectionLimit: own, ...extra };
      return connectionLimit === 0 ? Infinity : (sizeFrom(connectionLimit) ?? defaultPoolSize);
    }
    default:
      return sizeFrom(poolSize) ?? defaultPoolSize;
  }
}

function sizeFrom(value: unknown): number | undefined {
  const size = typeof value === "string" ? Number(value) : value;
  return typeof size === "number" && size >= 1 ? Math.floor(size) : undefined;
}
