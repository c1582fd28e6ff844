import childProcess, { type ChildProcess } from "node:child_process";
import { join } from "node:path";
import { main } from "../../examples/project-list/main";
import { eachDatabase, typeormLine } from "../support/databases";

const preloaded = ["ts-node/register/transpile-only", join(__dirname, "../soak/worker-modules.ts")];
const fork = {
  execArgv: preloaded.flatMap((path) => ["--require", path]),
  cwd: join(__dirname, "../.."),
  env: { ...process.env, SOAK_TYPEORM_LINE: typeormLine },
};

const lines = [
  "the worker has locked 6 entities",
  "1 website, of ann, locked: ann leaves, ben takes over",
  "2 shop, of ann, locked: ann leaves, ben takes over",
  "3 app, of ann",
  "website to homepage: 409 the project is locked: ann leaves, ben takes over",
  "design to drawings: 409 the task is locked: ann leaves, ben takes over",
  "app to game: 204 saved",
  "the worker has given project 1 and its 2 tasks to ben",
  "the worker is killed",
  "1 website, of ben, locked: ann leaves, ben takes over",
  "2 shop, of ann, locked: ann leaves, ben takes over",
  "3 game, of ann",
  "design to drawings: 204 saved",
  "website to homepage: 409 it was changed since you opened it",
  "the next worker has locked 3 entities",
  "the next worker has given project 2 and its 2 tasks to ben",
  "the next worker is done",
  "1 website, of ben",
  "2 shop, of ben",
  "3 game, of ann",
];

// A worker's process compiles the library before it works.
const timeoutMs = 120_000;

describe("a project list with a bulk edit in another process", () => {
  let forks: jest.SpiedFunction<typeof childProcess.fork>;
  const endings = (): unknown[] =>
    forks.mock.results.map(({ value }) => {
      const { exitCode, signalCode } = value as ChildProcess;
      return signalCode ?? exitCode;
    });

  beforeEach(() => {
    forks = jest.spyOn(childProcess, "fork");
  });
  afterEach(() => forks.mockRestore());

  it(
    "says what is locked and why, and lets edits through when the worker is dead",
    async () => {
      expect(await main(undefined, fork)).toEqual(lines);
      expect(endings()).toEqual(["SIGKILL", expect.anything()]);
    },
    timeoutMs,
  );

  eachDatabase(
    (scratch) => {
      it(
        "does so on a server too",
        async () => {
          expect(await main(scratch().dataSource([]).options, fork)).toEqual(lines);
        },
        timeoutMs,
      );
    },
    ["postgres", "mariadb"],
  );

  it("ends its workers when there is no database", async () => {
    const nowhere = { type: "postgres", url: "postgres://127.0.0.1:1/nowhere" } as const;
    await expect(main(nowhere, fork)).rejects.toThrow("ECONNREFUSED");
    expect(endings()).toEqual(["SIGKILL", "SIGKILL"]);
  });

  it("fails when a worker cannot work", async () => {
    const broken = { ...fork, execArgv: ["--require", "./no-such-module"], silent: true };
    await expect(main(undefined, broken)).rejects.toThrow("the worker has ended without a report");
    expect(endings()).toEqual([1, expect.anything()]);
  });
});
