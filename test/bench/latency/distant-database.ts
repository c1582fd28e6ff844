import { fork } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import {
  createScratchDatabase,
  type ScratchDatabase,
  type ScratchDatabaseName,
} from "../../support/scratch-database";

const usualPorts = { "postgres:": 5432, "mysql:": 3306 } as Readonly<Record<string, number>>;

/** A new database that is so far away: the latency is added to each round trip to a server, and to none of SQLite. */
export async function createDistantDatabase(
  name: ScratchDatabaseName,
  latencyMs: number,
): Promise<ScratchDatabase> {
  const scratch = await createScratchDatabase(name);
  const { options } = scratch;
  if (latencyMs === 0 || (options.type !== "postgres" && options.type !== "mariadb")) return scratch;
  try {
    const url = new URL(options.url!);
    const port = url.port === "" ? usualPorts[url.protocol]! : Number(url.port);
    const proxy = await startProxy(url.hostname, port, latencyMs);
    url.host = `127.0.0.1:${proxy.port}`;
    return {
      options: { ...options, url: url.toString() },
      async drop() {
        proxy.stop();
        await scratch.drop();
      },
    };
  } catch (error) {
    await scratch.drop();
    throw error;
  }
}

async function startProxy(
  host: string,
  port: number,
  latencyMs: number,
): Promise<{ readonly port: number; stop(): unknown }> {
  const child = fork(join(__dirname, "proxy-process.ts"), [host, port, latencyMs].map(String));
  const failed = once(child, "exit").then(() => {
    throw new Error("The proxy for --latency did not start.");
  });
  const [itsPort] = (await Promise.race([once(child, "message"), failed])) as [number];
  failed.catch(() => undefined);
  return { port: itsPort, stop: () => child.connected && child.disconnect() };
}
