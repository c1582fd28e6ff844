import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writePaths } from "../../src/guarding/write-paths";

const root = join(__dirname, "../..");
const read = (path: string): string => readFileSync(join(root, path), "utf8");
const cells = (row: string): string[] =>
  row
    .replace(/\\\|/g, "¦")
    .split("|")
    .slice(1, -1)
    .map((cell) => cell.trim());

const pages = ["README.md", ...readdirSync(join(root, "docs")).map((file) => `docs/${file}`)];

describe("the documentation", () => {
  it("shows the files it names, as they are", () => {
    const fences = [
      ...pages
        .map(read)
        .join("\n")
        .matchAll(/<!-- (\S+\.ts) -->\s+```ts\n([\s\S]*?)```/g),
    ];
    expect(fences.length).toBeGreaterThan(2);
    for (const [, path, code] of fences) expect([path, code]).toEqual([path, read(path as string)]);
  });

  it("has the table of write paths as the code has it", () => {
    const table = read("docs/write-paths.md")
      .split("\n")
      .filter((line) => line.startsWith("|"));
    const rows = table.slice(2, 2 + Object.keys(writePaths).length).map(cells);
    expect(rows).toEqual(
      Object.values(writePaths).map(({ write, guard, explanation }) => [write, `\`${guard}\``, explanation]),
    );
  });

  it("links to pages that exist", () => {
    for (const page of pages) {
      for (const [, target] of read(page).matchAll(/\]\((?!https?:)([^)#]+)\)/g)) {
        expect(() => read(join(page, "..", target as string))).not.toThrow();
      }
    }
  });
});
