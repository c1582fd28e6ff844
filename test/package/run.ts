import { spawnSync } from "node:child_process";

/** Runs a program to its end and gives what it printed; where it fails, the error holds all of its output. */
export function run(folder: string, program: string, ...parameters: string[]): string {
  const { status, error, stdout, stderr } = spawnSync(program, parameters, { cwd: folder, encoding: "utf8" });
  if (status !== 0) {
    throw new Error(`${program} ${parameters.join(" ")}\n${stdout}\n${stderr}`, { cause: error });
  }
  return stdout;
}
