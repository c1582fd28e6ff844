import { execFile } from "node:child_process";
import { join } from "node:path";
import { typeormLine } from "../support/databases";

/** Runs `destroy-mid-unit.ts` in a process of its own: what it finds would stop this one for ever. */
function run(type: string, url: string): Promise<string> {
  return new Promise((resolve) => {
    const script = join(__dirname, "destroy-mid-unit.ts");
    // Lets the process have the TypeORM of this test.
    const modules = join(__dirname, "../soak/worker-modules.ts");
    execFile(
      process.execPath,
      ["-r", "ts-node/register/transpile-only", "-r", modules, script, type, url],
      {
        env: { ...process.env, SOAK_TYPEORM_LINE: typeormLine },
        timeout: 28_000,
        killSignal: "SIGKILL",
        cwd: join(__dirname, "../.."),
      },
      (error, stdout, stderr) => resolve(stdout + (error?.killed ? "HUNG" : "") + stderr.slice(0, 600)),
    );
  });
}

describe("destroying the DataSource in the middle of a unit", () => {
  it.each(["postgres", "mariadb"])(
    "does not stop the process on %s",
    async (type) => {
      const url = process.env[type === "postgres" ? "POSTGRES_URL" : "MARIADB_URL"] ?? "";
      expect(await run(type, url)).toMatch(
        /^bare: destroyed\nunit: (rejected|fulfilled), destroy: fulfilled\n$/,
      );
    },
    60_000,
  );
});
