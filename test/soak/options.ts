import { parseArgs } from "node:util";
import { oneOf, wholeNumber } from "../../examples/buyers/arguments";
import { UsageError } from "../../examples/buyers/command";
import { scratchDatabaseNames, type ScratchDatabaseName } from "../support/scratch-database";

export interface SoakOptions {
  /** Undefined: all that are there. */
  readonly databases: readonly ScratchDatabaseName[] | undefined;
  readonly units: number;
  /** One soak for each. */
  readonly rows: readonly number[];
  readonly processes: number;
  readonly workers: number;
  /** One soak for each: whether connections are killed meanwhile. */
  readonly kill: readonly boolean[];
  readonly retries: number;
  readonly minDelayMs: number;
  readonly maxDelayMs: number;
  readonly hangAfterMs: number;
}

export const help = `Usage: npm run soak -- [options]

Workers in several processes increment a few rows by units of work, each with an entry in a ledger. At the end
everything they were told is held against the database. Fails if an acknowledged unit is missing or there twice, if a
refused one is there, if a unit never ends, or if a row and its ledger do not agree.

  --db NAMES      ${scratchDatabaseNames.join(",")} (default: all, MariaDB where it answers)
  --units N       units of each soak: 1 to 1000000 (default 20000)
  --rows NS       rows that are incremented, one soak for each number: 1 to 10000 (default 100,1)
  --processes N   1 to 8 (default 2)
  --workers N     in all processes together: 1 to 64 (default 16)
  --kill          only soaks during which connections are killed from outside, of PostgreSQL and MariaDB
  --no-kill       only soaks during which none is (default: both)
  --retries N     how often a unit may be run again: 0 to 100000 (default 200)
  --min-delay N   milliseconds, 0 to 10000 (default 100)
  --max-delay N   milliseconds, at least --min-delay, to 60000 (default 1000)
  --hang-after N  seconds after which a unit counts as hung: 1 to 3600 (default 120)
  --help          this text
`;

const names = [
  "db",
  "units",
  "rows",
  "processes",
  "workers",
  "retries",
  "min-delay",
  "max-delay",
  "hang-after",
] as const;
type Given = Partial<Record<(typeof names)[number], string>> &
  Partial<Record<"help" | "kill" | "no-kill", boolean>>;

/** @throws UsageError */
export function parseOptions(args: readonly string[]): SoakOptions | "help" {
  const given = read(args);
  if (given.help === true) return "help";
  if (given.kill === true && given["no-kill"] === true) {
    throw new UsageError("--kill and --no-kill leave nothing to do: give one of them, or none for both.");
  }
  const processes = wholeNumber("--processes", given.processes ?? "2", 1, 8);
  const minDelayMs = wholeNumber("--min-delay", given["min-delay"] ?? "100", 0, 10_000);
  return {
    databases:
      given.db === undefined
        ? undefined
        : listed(given.db, (name) => oneOf("--db", name, scratchDatabaseNames)),
    units: wholeNumber("--units", given.units ?? "20000", 1, 1_000_000),
    rows: listed(given.rows ?? "100,1", (number) => wholeNumber("--rows", number, 1, 10_000)),
    processes,
    workers: wholeNumber("--workers", given.workers ?? "16", processes, 64),
    kill: [false, true].filter((isKilling) => given[isKilling ? "no-kill" : "kill"] !== true),
    retries: wholeNumber("--retries", given.retries ?? "200", 0, 100_000),
    minDelayMs,
    maxDelayMs: wholeNumber("--max-delay", given["max-delay"] ?? "1000", minDelayMs, 60_000),
    hangAfterMs: wholeNumber("--hang-after", given["hang-after"] ?? "120", 1, 3600) * 1000,
  };
}

function read(args: readonly string[]): Given {
  const texts = Object.fromEntries(names.map((name) => [name, { type: "string" as const }]));
  const flags = Object.fromEntries(
    ["help", "kill", "no-kill"].map((name) => [name, { type: "boolean" as const }]),
  );
  try {
    return parseArgs({ args: [...args], options: { ...texts, ...flags } }).values as Given;
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Try --help.`);
  }
}

function listed<Item>(given: string, parse: (item: string) => Item): Item[] {
  return [...new Set(given.split(","))].map(parse);
}
