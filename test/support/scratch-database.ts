import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DataSource, type DataSourceOptions } from "typeorm";
import { startPostgres } from "./embedded-postgres";

export const scratchDatabaseNames = ["sqlite", "postgres", "mariadb"] as const;
export type ScratchDatabaseName = (typeof scratchDatabaseNames)[number];

/** The server that a database was to be made on cannot be reached. */
export class ServerAbsentError extends Error {}

/** A new, empty database that nobody else uses. */
export interface ScratchDatabase {
  readonly options: DataSourceOptions;
  /** Takes the database away, and the server with it if it was started for it. */
  drop(): Promise<void>;
}

/**
 * Makes a database: a file of better-sqlite3; on the PostgreSQL at POSTGRES_URL or, without that, on one that is
 * started for it; on the MariaDB at MARIADB_URL or on its usual local port.
 *
 * @throws ServerAbsentError
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
      if (url !== undefined) return createOnServer({ type: "postgres", url }, "POSTGRES_URL");
      const server = await startPostgres();
      // Its data goes with the server.
      return { options: { type: "postgres", url: server.url }, drop: () => server.stop() };
    }
    case "mariadb": {
      const url = process.env["MARIADB_URL"] ?? "mysql://root@127.0.0.1:3306";
      return createOnServer({ type: "mariadb", url }, "MARIADB_URL");
    }
    default:
      return name satisfies never;
  }
}

interface Server {
  readonly type: "postgres" | "mariadb";
  readonly url: string;
}

async function createOnServer(server: Server, variable: string): Promise<ScratchDatabase> {
  const database = `concurrency_${process.pid}_${Date.now().toString(36)}`;
  const administer = async (sql: string): Promise<void> => {
    const administrator = await connect(server, variable);
    await administrator.query(sql).finally(() => administrator.destroy());
  };
  await administer(`CREATE DATABASE ${database}`);
  const url = new URL(server.url);
  url.pathname = `/${database}`;
  const force = server.type === "postgres" ? " WITH (FORCE)" : "";
  return {
    options: { type: server.type, url: url.toString() },
    drop: () => administer(`DROP DATABASE ${database}${force}`),
  };
}

async function connect(server: Server, variable: string): Promise<DataSource> {
  try {
    return await new DataSource(server).initialize();
  } catch (cause) {
    const { host } = new URL(server.url);
    throw new ServerAbsentError(
      `The ${server.type} server at ${host} cannot be reached (${(cause as Error).message}): see ${variable}.`,
      { cause },
    );
  }
}
