import { execFile } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { promisify } from "node:util";
import { CommandError } from "../../../examples/buyers/command";
import { peersFolder } from "./load-peer";

/**
 * Installs what the benchmark compares with, unless it is there already.
 *
 * @throws CommandError
 */
export async function installPeers(say: (line: string) => void, signal: AbortSignal): Promise<void> {
  if (areInstalled()) return;
  say("Installing MikroORM and Sequelize in test/bench/peers, once (--no-peers leaves them out) …");
  try {
    // Nothing is compiled: the drivers of the library itself are there.
    await promisify(execFile)("npm", ["ci", "--ignore-scripts", "--no-audit", "--no-fund"], {
      cwd: peersFolder,
      signal,
      shell: process.platform === "win32",
    });
  } catch (cause) {
    signal.throwIfAborted();
    const { message, stderr = "" } = cause as Error & { stderr?: string };
    throw new CommandError(
      `MikroORM and Sequelize could not be installed; --no-peers leaves them out. npm says: ${stderr.trim() || message}`,
      { cause },
    );
  }
}

/** The version of a package that is compared with. */
export function peerVersion(name: string): string | undefined {
  const path = join(peersFolder, "node_modules", name, "package.json");
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, "utf8")) as { version: string }).version
    : undefined;
}

function areInstalled(): boolean {
  const { devDependencies } = JSON.parse(readFileSync(join(peersFolder, "package.json"), "utf8")) as {
    devDependencies: Record<string, string>;
  };
  return Object.entries(devDependencies).every(([name, version]) => peerVersion(name) === version);
}
