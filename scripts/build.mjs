// Compiles src to CommonJS and puts an ES module in front of it that re-exports the same objects, so that
// an application which loads the package both ways still has one registry of what it tracks.
import { execFileSync } from "node:child_process";
import { rmSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";

const require = createRequire(import.meta.url);
rmSync("dist", { recursive: true, force: true });
execFileSync(process.execPath, [require.resolve("typescript/bin/tsc"), "-p", "tsconfig.build.json"], {
  stdio: "inherit",
});

const names = Object.keys(require("../dist/index.js")).sort();
writeFileSync(
  "dist/index.mjs",
  `import library from "./index.js";\nexport const {\n  ${names.join(",\n  ")},\n} = library;\n`,
);
writeFileSync("dist/index.d.mts", `export * from "./index.js";\n`);
