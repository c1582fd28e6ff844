// Compiles src to CommonJS and puts an ES module in front of each entry point that re-exports the same objects, so
// that an application which loads the package both ways still has one registry of what it tracks.
import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { basename, resolve } from "node:path";
import process from "node:process";

const require = createRequire(import.meta.url);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

const { exports } = JSON.parse(readFileSync("package.json", "utf8"));
for (const { import: esModule, require: commonJs } of Object.values(exports)) {
  if (commonJs === undefined) continue;
  const source = `./${basename(commonJs.default)}`;
  const names = Object.keys(require(resolve(commonJs.default))).sort();
  writeFileSync(
    esModule.default,
    `import library from "${source}";\nexport const {\n  ${names.join(",\n  ")},\n} = library;\n`,
  );
  writeFileSync(esModule.types, `export * from "${source}";\n`);
}
