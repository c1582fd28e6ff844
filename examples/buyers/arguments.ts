import { parseArgs } from "node:util";
import { UsageError } from "./command";

/** Reads `--name value` for each of the names, `--flag` for each of the flags, and `--help`. */
export function readArguments<Name extends string, Flag extends string = never>(
  args: readonly string[],
  names: readonly Name[],
  flags: readonly Flag[] = [],
): Partial<Record<Name, string> & Record<Flag, true>> | "help" {
  const options = Object.fromEntries([
    ...names.map((name) => [name, { type: "string" as const }] as const),
    ...["help", ...flags].map((flag) => [flag, { type: "boolean" as const }] as const),
  ]);
  try {
    const values: Record<string, unknown> = parseArgs({ args: [...args], options }).values;
    return values["help"] === true ? "help" : (values as Partial<Record<Name, string> & Record<Flag, true>>);
  } catch (error) {
    throw new UsageError(`${(error as Error).message}. Try --help.`);
  }
}

export function oneOf<Choice extends string>(
  option: string,
  given: string,
  choices: readonly Choice[],
): Choice {
  const choice = choices.find((known) => known === given);
  if (choice === undefined)
    throw new UsageError(`${option} must be one of ${choices.join(", ")}, not "${given}".`);
  return choice;
}

export function wholeNumber(option: string, given: string, least: number, most: number): number {
  const number = /^\d+$/.test(given) ? Number(given) : NaN;
  if (number >= least && number <= most) return number;
  throw new UsageError(`${option} must be a whole number from ${least} to ${most}, not "${given}".`);
}
