import type { Config } from "jest";

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
const newerLineOnly = process.env["CI"] === "true" ? ["attack", "examples"] : [];

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
      displayName: "typeorm 1.1",
      globals: { TYPEORM_LINE: "1.1" },
      testMatch: ["<rootDir>/test/**/*.test.ts"],
      moduleNameMapper: library,
    },
    {
      ...shared,
      displayName: "typeorm 0.3",
      globals: { TYPEORM_LINE: "0.3" },
      testMatch: ["<rootDir>/test/**/*.test.ts"],
      testPathIgnorePatterns: ["package", "house", ...newerLineOnly].map((room) => `<rootDir>/test/${room}/`),
      moduleNameMapper: {
        ...library,
        "^typeorm$": "typeorm-legacy",
        "^typeorm/(.*)$": "typeorm-legacy/$1",
      },
    },
  ],
};

export default config;
