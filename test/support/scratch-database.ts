import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createConnection } from "mysql2/promise";
import { DataSource, type DataSourceOptions } from "typeorm";
import { startPostgres } from "./embedded-postgres";

export const scratchDatabaseNames = ["sqlite", "postgres", "mariadb"] as const;
export type ScratchDatabaseName = (typeof scratchDatabaseNames)[number];

/** A new, empty database that nobody else uses. */
export interface ScratchDatabase {
  readonly options: DataSourceOptions;
  /** Takes the database away, and the server with it if it was started for it. */
  drop(): Promise<void>;
}

/**
 * Makes a database: a file of better-sqlite3; on the PostgreSQL at POSTGRES_URL or, without that, on one that is
 * started for it; on the MariaDB at MARIADB_URL or on its usual local port.
 */
export async function createScratchDatabase(name: ScratchDatabaseName): Promise<ScratchDatabase> {
  switch (name) {
    case "sqlite": {
      const folder = mkdtempSync(join(tmpdir(), "typeorm-concurrency-"));
      return {
        options: { type: "better-sqlite3", database: join(folder, "scratch.sqlite"), enableWAL: true },
        async drop() {
          rmSync(folder, { recursive: true, force: true });
        },
      };
    }
    case "postgres": {
      const url = process.env["POSTGRES_URL"];
      if (url !== undefined) return createOnServer("postgres", url);
      const server = await startPostgres();
      // Its data goes with the server.
      return { options: { type: "postgres", url: server.url }, drop: () => server.stop() };
    }
    case "mariadb": {
      const url = process.env["MARIADB_URL"] ?? "mysql://root@127.0.0.1:3306";
      await requireMariadb(url);
      return createOnServer("mariadb", url);
    }
    default:
      return name satisfies never;
  }
}

async function requireMariadb(url: string): Promise<void> {
  try {
    const connection = await createConnection(url);
    await connection.end();
  } catch (cause) {
    throw new Error(`No MariaDB answers at ${new URL(url).host}: set MARIADB_URL.`, { cause });
  }
}

async function createOnServer(type: "postgres" | "mariadb", serverUrl: string): Promise<ScratchDatabase> {
  const database = `concurrency_${process.pid}_${Date.now().toString(36)}`;
  const administer = async (sql: string): Promise<void> => {
    const administrator = await new DataSource({ type, url: serverUrl }).initialize();
    await administrator.query(sql).finally(() => administrator.destroy());
  };
  await administer(`CREATE DATABASE ${database}`);
  const url = new URL(serverUrl);
  url.pathname = `/${database}`;
  const force = type === "postgres" ? " WITH (FORCE)" : "";
  return {
    options: { type, url: url.toString() },
    drop: () => administer(`DROP DATABASE ${database}${force}`),
  };
}
