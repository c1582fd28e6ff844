import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** The folder of the repository. */
export const root = join(__dirname, "../..");

/** Files that are committed, or would be with everything new, by path from the root. */
export function repositoryFiles(...folders: string[]): string[] {
  return execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard", ...folders], {
    cwd: root,
    encoding: "utf8",
  })
    .split("\0")
    .filter((path) => path !== "" && existsSync(join(root, path)));
}

export function textOf(path: string): string {
  return readFileSync(join(root, path), "utf8");
}
