import { createConnection, type ResultSetHeader } from "mysql2/promise";
import { Client } from "pg";
import type { DataSource } from "typeorm";

/** A database's own driver, on a connection of its own where there can be another one. */
export interface RawDriver {
  /** @returns how many rows were read or changed. */
  send(sql: string, parameters: readonly unknown[]): Promise<number>;
  close(): Promise<void>;
}

/** @param dataSource whose database it is; SQLite's file is used by the connection that the DataSource has. */
export async function rawDriverOf(dataSource: DataSource): Promise<RawDriver> {
  const { type, url } = dataSource.options as { readonly type: string; readonly url?: string };
  switch (type) {
    case "postgres":
      return byPg(url!);
    case "mariadb":
      return byMysql2(url!);
    default:
      return byBetterSqlite3(dataSource);
  }
}

async function byPg(connectionString: string): Promise<RawDriver> {
  const client = new Client({ connectionString });
  // When the server goes away the next query says so.
  client.on("error", () => undefined);
  await client.connect();
  return {
    async send(sql, parameters) {
      let position = 0;
      const { rowCount } = await client.query(
        sql.replace(/\?/g, () => `$${++position}`),
        [...parameters],
      );
      return rowCount ?? 0;
    },
    close: () => client.end(),
  };
}

async function byMysql2(url: string): Promise<RawDriver> {
  const connection = await createConnection(url);
  return {
    async send(sql, parameters) {
      const [result] = await connection.query(sql, [...parameters]);
      return Array.isArray(result) ? result.length : (result as ResultSetHeader).affectedRows;
    },
    close: () => connection.end(),
  };
}

interface BetterSqlite3 {
  prepare(sql: string): {
    readonly reader: boolean;
    all(parameters: readonly unknown[]): unknown[];
    run(parameters: readonly unknown[]): { readonly changes: number };
  };
}

function byBetterSqlite3({ driver }: DataSource): RawDriver {
  const { databaseConnection } = driver as unknown as { readonly databaseConnection: BetterSqlite3 };
  return {
    send(sql, parameters) {
      const statement = databaseConnection.prepare(sql);
      return Promise.resolve(
        statement.reader ? statement.all(parameters).length : statement.run(parameters).changes,
      );
    },
    close: () => Promise.resolve(),
  };
}
