import { spawnSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { run } from "./run";

const root = join(__dirname, "../..");
const installed = join(root, "node_modules");

export function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), "typeorm-concurrency-package-"));
}

/**
 * Packs the package, built anew, into `folder`.
 *
 * It is built from a copy, so that nobody who uses `dist` at the same time is disturbed.
 *
 * @returns the path of the tarball.
 */
export function pack(folder: string): string {
  const copy = join(folder, "package");
  const left = new Set(["node_modules", "dist", ".git", "coverage", "test"]);
  cpSync(root, copy, {
    recursive: true,
    filter: (path) => dirname(path) !== root || !left.has(basename(path)),
  });
  symlinkSync(installed, join(copy, "node_modules"));
  run(copy, "npm", "pack", "--silent", "--pack-destination", folder);
  rmSync(copy, { recursive: true });
  const tarball = readdirSync(folder).find((file) => file.endsWith(".tgz"));
  if (tarball === undefined) throw new Error("npm pack left no tarball");
  return join(folder, tarball);
}

/** A project that has the package installed as npm does it, beside one line of TypeORM. */
export class ScratchProject {
  readonly folder = temporaryFolder();

  constructor(tarball: string, typeorm: "typeorm" | "typeorm-legacy") {
    this.write("package.json", JSON.stringify({ name: "scratch", private: true }));
    const flags = ["--offline", "--ignore-scripts", "--legacy-peer-deps", "--no-package-lock"];
    run(this.folder, "npm", "install", "--silent", ...flags, tarball);
    this.link("typeorm", typeorm);
    this.link("reflect-metadata");
    this.link("@types/node");
  }

  write(file: string, text: string): void {
    writeFileSync(join(this.folder, file), text);
  }

  copy(from: string, to: string): void {
    cpSync(from, join(this.folder, to));
  }

  node(...parameters: string[]): string {
    return run(this.folder, process.execPath, ...parameters);
  }

  /** Runs the repository's Jest, which the project has not installed. */
  jest(...parameters: string[]): string {
    return this.node(join(installed, "jest/bin/jest.js"), ...parameters);
  }

  /** Compiles what the project's tsconfig.json takes in; gives what the compiler found wrong. */
  compile(): string {
    const compiler = join(installed, "typescript/bin/tsc");
    return spawnSync(process.execPath, [compiler], { cwd: this.folder, encoding: "utf8" }).stdout;
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }

  // What is linked instead of installed is found by its real path, beside its own dependencies.
  private link(name: string, from = name): void {
    const path = join(this.folder, "node_modules", name);
    mkdirSync(dirname(path), { recursive: true });
    symlinkSync(join(installed, from), path);
  }
}
