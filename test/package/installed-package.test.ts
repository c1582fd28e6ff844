import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { pack, ScratchProject, temporaryFolder } from "./scratch-project";

jest.setTimeout(120_000);

/** What `saveStale` gives, once it has been JSON. */
const refused = {
  conflicts: [
    {
      entityName: "Product",
      id: { id: 1 },
      operation: "update",
      reason: "modified",
      expectedBy: "load",
      expected: { version: 1 },
      actual: { version: 2 },
      entity: { id: 1, title: "overwritten", version: 1 },
    },
  ],
  isTypeormError: true,
  titleInRow: "changed",
};

const compilerOptions = {
  target: "es2022",
  module: "node16",
  strict: true,
  exactOptionalPropertyTypes: true,
  noUncheckedIndexedAccess: true,
  experimentalDecorators: true,
  types: ["node"],
};

let folder: string;
let tarball: string;

beforeAll(() => {
  folder = temporaryFolder();
  tarball = pack(folder);
});

afterAll(() => rmSync(folder, { recursive: true, force: true }));

describe.each([
  { line: "1.1", typeorm: "typeorm" as const, skipLibCheck: true },
  // The build has checked the declarations against 1.1; here they meet those of 0.3.
  { line: "0.3", typeorm: "typeorm-legacy" as const, skipLibCheck: false },
])("the package installed beside TypeORM $line", ({ typeorm, skipLibCheck }) => {
  let project: ScratchProject;
  let typeErrors: string;

  beforeAll(() => {
    project = new ScratchProject(tarball, typeorm);
    const source = join(__dirname, "consumer/stale-save.ts");
    project.copy(source, "stale-save.cts");
    project.copy(source, "stale-save.mts");
    project.write("tsconfig.json", JSON.stringify({ compilerOptions: { ...compilerOptions, skipLibCheck } }));
    typeErrors = project.compile();
  });

  afterAll(() => project.remove());

  it("holds what its user needs and nothing else", () => {
    const known = ["CHANGELOG.md", "LICENSE", "README.md", "dist", "docs", "package.json"];
    const contents = readdirSync(join(project.folder, "node_modules/typeorm-concurrency"));
    expect(contents).toEqual(expect.arrayContaining(["LICENSE", "dist", "package.json"]));
    expect(contents.filter((name) => !known.includes(name))).toEqual([]);
  });

  it("has types for CommonJS and for ES modules", () => {
    expect(typeErrors).toBe("");
  });

  it("refuses a stale save when it is required", () => {
    const script = `require("./stale-save.cjs").saveStale().then((outcome) => console.log(JSON.stringify(outcome)))`;
    expect(JSON.parse(project.node("-e", script))).toEqual(refused);
  });

  it("refuses a stale save when it is imported", () => {
    const script = `import { saveStale } from "./stale-save.mjs"; console.log(JSON.stringify(await saveStale()))`;
    expect(JSON.parse(project.node("--input-type=module", "-e", script))).toEqual(refused);
  });

  it("is the same when it is required and imported in one process", () => {
    project.write(
      "both.mjs",
      `import * as imported from "typeorm-concurrency";
       import * as importedLocks from "typeorm-concurrency/locks";
       import { createRequire } from "node:module";
       const require = createRequire(import.meta.url);
       const required = { ...require("typeorm-concurrency/locks"), ...require("typeorm-concurrency") };
       const names = Object.keys(required);
       const isSame = (name) => [imported, importedLocks].every((its) => !(name in its) || its[name] === required[name]);
       console.log(JSON.stringify({ names, same: names.filter(isSame) }));`,
    );
    const { names, same } = JSON.parse(project.node("both.mjs")) as Record<"names" | "same", string[]>;
    expect(names).toEqual(expect.arrayContaining(["guardDataSource", "redisLocks"]));
    expect(same).toEqual(names);
  });

  it("refuses a stale save in a Jest test without transforms", () => {
    project.write(
      "stale-save.test.js",
      `const { saveStale } = require("./stale-save.cjs");
       test("a stale save", async () => {
         expect(JSON.parse(JSON.stringify(await saveStale()))).toEqual(${JSON.stringify(refused)});
       });`,
    );
    const config = JSON.stringify({ transform: {}, testEnvironment: "node" });
    const results = project.jest("--config", config, "--json");
    expect(JSON.parse(results)).toMatchObject({ success: true, numPassedTests: 1, numTotalTests: 1 });
  });
});
