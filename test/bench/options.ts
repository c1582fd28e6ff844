import { oneOf, readArguments, wholeNumber } from "../../examples/buyers/arguments";
import { scratchDatabaseNames, type ScratchDatabaseName } from "../support/scratch-database";

export interface BenchOptions {
  /** Undefined: all that are there. */
  readonly db: ScratchDatabaseName | undefined;
  /** Rounds of an operation on one row; heavier ones get fewer. */
  readonly rounds: number;
}

export const help = `Usage: npm run bench -- [options]

Measures bare TypeORM and guarded TypeORM side by side and prints Markdown tables.

  --db NAME    only this one: ${scratchDatabaseNames.join(", ")}
               (default: PostgreSQL, embedded or at POSTGRES_URL; SQLite; MariaDB where it answers)
  --rounds N   rounds of an operation on one row, 20 to 100000 (default 200); heavier operations get fewer
  --help       this text
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): BenchOptions | "help" {
  const given = readArguments(args, ["db", "rounds"]);
  if (given === "help") return "help";
  return {
    db: given.db === undefined ? undefined : oneOf("--db", given.db, scratchDatabaseNames),
    rounds: wholeNumber("--rounds", given.rounds ?? "200", 20, 100_000),
  };
}
