import { readFileSync } from "node:fs";
import { availableParallelism, cpus } from "node:os";
import { join } from "node:path";
import type Redis from "ioredis";
import type { DataSource } from "typeorm";
import { peerVersion } from "./peers/install-peers";

/** The machine, what runs on it, and how far the servers are away, in one line. */
export function machine({ hasPeers, latencyMs }: { hasPeers: boolean; latencyMs: number }): string {
  const [cpu] = cpus();
  const peers = hasPeers
    ? [`MikroORM ${peerVersion("@mikro-orm/core")}`, `Sequelize ${peerVersion("sequelize")}`]
    : [];
  const what = [`Node ${process.version}`, `TypeORM ${versionOf("typeorm")}`, ...peers].join(", ");
  const distance =
    latencyMs === 0 ? "all on one machine" : `${latencyMs} ms added to each round trip to a server`;
  return `${what}, ${availableParallelism()} CPUs (${cpu?.model ?? "unknown"}); ${distance}`;
}

/** The server, its driver, and the settings that decide how long a commit takes, in one line. */
export async function databaseSetting({ options, manager }: DataSource): Promise<string> {
  const ask = async (sql: string): Promise<string> => {
    const [row] = await manager.query<Record<string, unknown>[]>(sql);
    return Object.values(row ?? {}).join(" ");
  };
  switch (options.type) {
    case "postgres": {
      const version = await ask("SHOW server_version");
      const commit = `fsync ${await ask("SHOW fsync")}, synchronous_commit ${await ask("SHOW synchronous_commit")}`;
      return `PostgreSQL ${version} through pg ${versionOf("pg")}; ${commit}`;
    }
    case "mariadb": {
      const flush = await ask("SELECT @@innodb_flush_log_at_trx_commit");
      return `MariaDB ${await ask("SELECT version()")} through mysql2 ${versionOf("mysql2")}; innodb_flush_log_at_trx_commit ${flush}`;
    }
    default: {
      const commit = `journal_mode ${await ask("PRAGMA journal_mode")}, synchronous ${await ask("PRAGMA synchronous")}`;
      return `SQLite ${await ask("SELECT sqlite_version()")} through better-sqlite3 ${versionOf("better-sqlite3")}; ${commit}`;
    }
  }
}

/** The same of a Redis server. */
export async function redisSetting(client: Redis): Promise<string> {
  const info = `${await client.info("server")}${await client.info("persistence")}`;
  const told = (name: string): string => new RegExp(`^${name}:(.*?)\\s*$`, "m").exec(info)?.[1] ?? "unknown";
  const log = told("aof_enabled") === "0" ? "without an append-only file" : "with an append-only file";
  return `Redis ${told("redis_version")} through ioredis ${versionOf("ioredis")}; ${log}`;
}

function versionOf(name: string): string {
  const path = join(__dirname, "../../node_modules", name, "package.json");
  return (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version;
}
