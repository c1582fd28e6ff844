import { oneOf, readArguments, wholeNumber } from "../../examples/buyers/arguments";
import { UsageError } from "../../examples/buyers/command";
import { scratchDatabaseNames, type ScratchDatabaseName } from "../support/scratch-database";

export const benchParts = ["guard", "sharing", "locks"] as const;
export type BenchPart = (typeof benchParts)[number];

export interface BenchOptions {
  /** Undefined: all that are there. */
  readonly db: ScratchDatabaseName | undefined;
  /** Undefined: all. */
  readonly only: BenchPart | undefined;
  /** Rounds of an operation on one row; heavier ones get fewer. */
  readonly rounds: number;
  /** Entities in a list. */
  readonly size: number;
  /** What is added to every round trip to PostgreSQL and MariaDB. */
  readonly latencyMs: number;
  /** Whether MikroORM and Sequelize take part. */
  readonly hasPeers: boolean;
  /** Whether a bar that is not met is a failure. */
  readonly isCheck: boolean;
  /** Whether what the guard costs is written into the documentation. */
  readonly isWritten: boolean;
}

export const help = `Usage: npm run bench -- [options]

Measures bare TypeORM and guarded TypeORM side by side, beside MikroORM, Sequelize and pg where they have the like, and locks beside
what raw drivers need, and prints Markdown tables.

  --db NAME     only this one: ${scratchDatabaseNames.join(", ")}
                (default: PostgreSQL, embedded or at POSTGRES_URL; SQLite; MariaDB where it answers)
  --only PART   only this: ${benchParts.join(", ")} (default: all; locks also in memory, and in Redis where it answers)
  --rounds N    rounds of an operation on one row, 20 to 100000 (default 1000); heavier operations get fewer
  --size N      entities in the lists that are saved, removed and found, 10 to 50000 (default 1000)
  --latency MS  adds so many milliseconds, 1 to 1000, to every round trip to PostgreSQL and MariaDB, by a proxy that all
                contenders go through (default: no proxy); locks are measured without
  --no-peers    leaves out MikroORM and Sequelize, which are otherwise installed in test/bench/peers on first use
  --check       exit code 1 when a bar is not met; the bars are for the default of --size, without latency
  --write       also writes what the guard costs into docs/benchmark.md, and draws docs/benchmark.svg
  --help        this text
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const names = ["db", "only", "rounds", "size", "latency"] as const;
  const given = readArguments(args, names, ["no-peers", "check", "write"]);
  if (given === "help") return "help";
  const only = given.only === undefined ? undefined : oneOf("--only", given.only, benchParts);
  for (const flag of ["check", "write"] as const)
    if (given[flag] === true && only !== undefined && only !== "guard")
      throw new UsageError(`--${flag} is about what the guard costs, which --only ${only} leaves out.`);
  if (given.latency !== undefined && only === "locks")
    throw new UsageError("--latency is not for locks, which --only locks measures alone.");
  return {
    db: given.db === undefined ? undefined : oneOf("--db", given.db, scratchDatabaseNames),
    only,
    rounds: wholeNumber("--rounds", given.rounds ?? "1000", 20, 100_000),
    size: wholeNumber("--size", given.size ?? "1000", 10, 50_000),
    latencyMs: given.latency === undefined ? 0 : wholeNumber("--latency", given.latency, 1, 1000),
    hasPeers: given["no-peers"] !== true,
    isCheck: given.check === true,
    isWritten: given.write === true,
  };
}
