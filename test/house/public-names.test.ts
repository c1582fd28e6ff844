import { readFileSync } from "node:fs";
import { join } from "node:path";
import * as ts from "typescript";
import { root, textOf } from "./repository";

/*
 * What users can import, by entry point. A name that is added here by hand is a promise; one that is taken away
 * breaks somebody.
 */
const promised = JSON.parse(readFileSync(join(__dirname, "public-names.json"), "utf8")) as Record<
  string,
  Names
>;

interface Names {
  readonly values: string[];
  readonly types: string[];
}

interface EntryPoint {
  readonly require?: { readonly default: string };
}

const manifest = JSON.parse(textOf("package.json")) as {
  name: string;
  exports: Record<string, EntryPoint | string>;
};

/** The source files of the entry points, by the name a user imports. */
const entryPoints = Object.entries(manifest.exports).flatMap(([path, target]) => {
  const built = typeof target === "string" ? undefined : target.require?.default;
  if (built === undefined) return [];
  const source = built.replace("./dist/", "src/").replace(/\.js$/, ".ts");
  return [{ name: path.replace(".", manifest.name), source }];
});

/** The names in the export lists of a file. */
function exportedNames(source: string): Names {
  const file = ts.createSourceFile(source, textOf(source), ts.ScriptTarget.Latest);
  const values: string[] = [];
  const types: string[] = [];
  for (const statement of file.statements) {
    if (ts.isImportDeclaration(statement)) continue;
    if (
      !ts.isExportDeclaration(statement) ||
      !statement.exportClause ||
      !ts.isNamedExports(statement.exportClause)
    )
      throw new Error(`${source} should hold export lists only, not: ${statement.getText(file)}`);
    for (const element of statement.exportClause.elements)
      (statement.isTypeOnly || element.isTypeOnly ? types : values).push(element.name.text);
  }
  return { values: values.sort(), types: types.sort() };
}

describe("the public names", () => {
  it("are promised for every entry point", () => {
    expect(Object.keys(promised)).toEqual(entryPoints.map((entryPoint) => entryPoint.name));
  });

  describe.each(entryPoints)("of $name", (entryPoint) => {
    it("are those that are promised", () => {
      expect(exportedNames(entryPoint.source)).toEqual(promised[entryPoint.name]);
    });

    it("are all there at run time", () => {
      const module = jest.requireActual<object>(join(root, entryPoint.source));
      expect(Object.keys(module).sort()).toEqual(promised[entryPoint.name]?.values);
    });
  });
});
