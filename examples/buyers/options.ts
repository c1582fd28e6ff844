import { scratchDatabaseNames, type ScratchDatabaseName } from "../../test/support/scratch-database";
import { oneOf, readArguments, wholeNumber } from "./arguments";

export interface DemoOptions {
  readonly db: ScratchDatabaseName;
  readonly buyers: number;
  readonly rows: number;
  /** Purchases of each buyer. */
  readonly purchases: number;
}

export const help = `Usage: npm run demo -- [options]

Many buyers edit the same few products at once: with bare TypeORM, guarded, and guarded and tried again.

  --db NAME       ${scratchDatabaseNames.join(", ")} (default sqlite)
                  sqlite    a temporary file
                  postgres  an embedded server, or the one at POSTGRES_URL
                  mariadb   the server at MARIADB_URL, or on port 3306 of this machine
  --buyers N      buyers, each with a connection of their own: 1 to 80 (default 20)
  --rows N        products that they buy: 1 to 1000 (default 5)
  --purchases N   purchases of each buyer: 1 to 10000 (default 10)
  --help          this text
`;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): DemoOptions | "help" {
  const given = readArguments(args, ["db", "buyers", "rows", "purchases"]);
  if (given === "help") return "help";
  return {
    db: oneOf("--db", given.db ?? "sqlite", scratchDatabaseNames),
    buyers: wholeNumber("--buyers", given.buyers ?? "20", 1, 80),
    rows: wholeNumber("--rows", given.rows ?? "5", 1, 1000),
    purchases: wholeNumber("--purchases", given.purchases ?? "10", 1, 10_000),
  };
}
