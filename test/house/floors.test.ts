import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { root } from "./repository";

interface Violation {
  readonly rule: { readonly name: string };
  readonly from: string;
  readonly to: string;
}

/** What the rules of the repository find in the folder `src` of `folder`. */
function violationsIn(folder: string): string[] {
  const output = execFileSync(
    process.execPath,
    [
      join(root, "node_modules/dependency-cruiser/bin/dependency-cruise.mjs"),
      ...["--config", join(root, ".dependency-cruiser.cjs"), "--output-type", "json", "src"],
    ],
    { cwd: folder, encoding: "utf8", maxBuffer: 64 * 1024 * 1024 },
  );
  const { summary } = JSON.parse(output) as { summary: { totalCruised: number; violations: Violation[] } };
  expect(summary.totalCruised).toBeGreaterThan(0);
  return summary.violations.map(({ rule, from, to }) => `${from} -> ${to}: ${rule.name}`).sort();
}

const right: Readonly<Record<string, string>> = {
  "src/index.ts": `export { a } from "./errors/a"; export { b } from "./sharing/b";`,
  "src/errors/a.ts": `import { inspect } from "node:util"; import { DataSource } from "typeorm"; export const a = 1;`,
  "src/events/a.ts": `export const a = 1;`,
  "src/metadata/a.ts": `import "reflect-metadata"; import { a } from "../errors/a"; import "./b"; export type A = 1;`,
  "src/metadata/b.ts": `export const b = 1;`,
  "src/tracking/b.ts": `export type B = 1;`,
  "src/tracking/c.ts": `import type { B } from "./b"; export type C = B;`,
  "src/guarding/a.ts": `import type { A } from "../metadata/a"; export const a = 1;`,
  "src/sharing/b.ts": `import { a } from "../guarding/a"; export const b = 1;`,
  "src/adapters/framework.ts": `import { a } from "../index"; import "pg";`,
  "test/a.ts": `export const a = 1;`,
};

const wrong: readonly (readonly [file: string, source: string, to: string, rule: string])[] = [
  ["src/errors/up.ts", `import "../guarding/a";`, "src/guarding/a.ts", "imports-go-down-only"],
  [
    "src/events/type.ts",
    `import type { A } from "../metadata/a";`,
    "src/metadata/a.ts",
    "imports-go-down-only",
  ],
  [
    "src/sharing/top.ts",
    `import "../adapters/framework";`,
    "src/adapters/framework.ts",
    "imports-go-down-only",
  ],
  ["src/errors/side.ts", `import "../events/a";`, "src/events/a.ts", "neighbours-do-not-know-each-other"],
  ["src/locks/side.ts", `import "../guarding/a";`, "src/guarding/a.ts", "neighbours-do-not-know-each-other"],
  ["src/tracking/b.ts", `import type { C } from "./c"; export type B = C;`, "src/tracking/c.ts", "no-cycles"],
  ["src/sharing/index-user.ts", `import "../index";`, "src/index.ts", "rooms-do-not-import-the-index"],
  ["src/adapters/insider.ts", `import "../guarding/a";`, "src/guarding/a.ts", "adapters-see-what-users-see"],
  ["src/utils/a.ts", `import "../errors/a";`, "src/errors/a.ts", "every-file-has-a-room"],
  ["src/units/test-user.ts", `import "../../test/a";`, "test/a.ts", "only-peers-from-outside"],
  ["src/units/package-user.ts", `import "pg";`, "node_modules/pg/index.js", "only-peers-from-outside"],
  ["src/units/lost.ts", `import "./nowhere";`, "./nowhere", "only-peers-from-outside"],
];

describe("the floors of src", () => {
  let folder: string;

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "typeorm-concurrency-floors-"));
    for (const name of ["typeorm", "reflect-metadata", "pg"]) {
      write(`node_modules/${name}/package.json`, JSON.stringify({ name, main: "index.js" }));
      write(`node_modules/${name}/index.js`, "");
    }
    for (const [file, source] of Object.entries(right)) write(file, source);
  });

  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  function write(file: string, source: string): void {
    mkdirSync(dirname(join(folder, file)), { recursive: true });
    writeFileSync(join(folder, file), source);
  }

  it("are kept", () => {
    expect(violationsIn(root)).toEqual([]);
  });

  it("allow what they should", () => {
    expect(violationsIn(folder)).toEqual([]);
  });

  it("forbid what they should", () => {
    for (const [file, source] of wrong) write(file, source);
    expect(violationsIn(folder)).toEqual(
      wrong.map(([file, , to, rule]) => `${file} -> ${to}: ${rule}`).sort(),
    );
  });
});
