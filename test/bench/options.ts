import { oneOf, readArguments, wholeNumber } from "../../examples/buyers/arguments";
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
}

export const help = `Usage: npm run bench -- [options]

Measures bare TypeORM and guarded TypeORM side by side, and locks beside what raw drivers need, and prints Markdown tables.

  --db NAME    only this one: ${scratchDatabaseNames.join(", ")}
               (default: PostgreSQL, embedded or at POSTGRES_URL; SQLite; MariaDB where it answers)
  --only PART  only this: ${benchParts.join(", ")} (default: all; locks also in memory, and in Redis where it answers)
  --rounds N   rounds of an operation on one row, 20 to 100000 (default 200); heavier operations get fewer
  --help       this text
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const given = readArguments(args, ["db", "only", "rounds"]);
  if (given === "help") return "help";
  return {
    db: given.db === undefined ? undefined : oneOf("--db", given.db, scratchDatabaseNames),
    only: given.only === undefined ? undefined : oneOf("--only", given.only, benchParts),
    rounds: wholeNumber("--rounds", given.rounds ?? "200", 20, 100_000),
  };
}
