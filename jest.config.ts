import type { Config } from "jest";
import { batchesWithout } from "./test/batches/batches";

// The same tests run once for each TypeORM line that is supported. For the older one every import of "typeorm",
// the library's own included, is answered by it.
const shared = {
  testEnvironment: "node",
  roots: ["<rootDir>/test"],
  transform: {
    "^.+\\.ts$": ["ts-jest", { diagnostics: false }],
  },
};

// CI has ten minutes. What was found by attacking the library, and its examples, are run there on the newer line alone;
// `npm test` elsewhere runs all on both.
const isCi = process.env["CI"] === "true";
const newerLineOnly = isCi ? ["attack", "examples"] : [];

type Project = Exclude<NonNullable<Config["projects"]>[number], string>;

/**
 * What is run on a line: all test files but those of `rooms`. Each file that Jest runs loads TypeORM and the drivers anew,
 * and V8 compiles them anew. CI therefore runs them in batches; elsewhere each can be run by its path.
 */
function testsWithout(rooms: readonly string[], line: string): Project {
  if (!isCi)
    return {
      globals: { TYPEORM_LINE: line },
      testMatch: ["<rootDir>/test/**/*.test.ts"],
      // The benchmark installs libraries into a folder of its own, with tests of theirs.
      testPathIgnorePatterns: ["/node_modules/", ...rooms.map((room) => `<rootDir>/test/${room}/`)],
    };
  const { batches, alone } = batchesWithout(rooms);
  return {
    globals: { TYPEORM_LINE: line, TEST_BATCHES: batches },
    testMatch: ["batches/batch-*.ts", ...alone].map((file) => `<rootDir>/test/${file}`),
  };
}

const library = {
  "^typeorm-concurrency$": "<rootDir>/src/index.ts",
  "^typeorm-concurrency/locks$": "<rootDir>/src/locks.ts",
};

const config: Config = {
  globalSetup: "<rootDir>/test/support/global-setup.ts",
  globalTeardown: "<rootDir>/test/support/global-teardown.ts",
  testTimeout: 30_000,
  // Jest keeps a core free by default. The tests mostly wait for databases, so it would be an idle one.
  maxWorkers: "100%",
  projects: [
    {
      ...shared,
      ...testsWithout([], "1.1"),
      displayName: "typeorm 1.1",
      moduleNameMapper: library,
    },
    {
      ...shared,
      ...testsWithout(["package", "house", ...newerLineOnly], "0.3"),
      displayName: "typeorm 0.3",
      moduleNameMapper: {
        ...library,
        "^typeorm$": "typeorm-legacy",
        "^typeorm/(.*)$": "typeorm-legacy/$1",
      },
    },
  ],
};

export default config;
