import { runCommand } from "../../examples/buyers/command";
import { progressOn } from "../../examples/buyers/progress";
import { ServerAbsentError } from "../support/scratch-database";
import { benchOn } from "./bench";
import { hotRow } from "./hot-row";
import { benchLocks } from "./locks/bench-locks";
import { help, parseOptions, type BenchPart } from "./options";
import { machine } from "./setting";
import { benchSharingOn } from "./sharing";
import { loadPostgresWithoutExitHook } from "./without-exit-hook";

runCommand(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(help);
    return;
  }
  console.log(`${machine()}\n`);
  await loadPostgresWithoutExitHook();
  const progress = progressOn(process.stderr);
  const databases = options.db === undefined ? (["postgres", "sqlite", "mariadb"] as const) : [options.db];
  const isWanted = (part: BenchPart): boolean => options.only === undefined || options.only === part;
  for (const name of databases) {
    try {
      if (isWanted("guard")) console.log(await benchOn(name, options.rounds, progress, signal));
      if (isWanted("sharing")) console.log(await benchSharingOn(name));
      if (isWanted("sharing")) console.log(await hotRow(name, signal));
    } catch (error) {
      if (!(error instanceof ServerAbsentError) || options.db !== undefined) throw error;
      console.log(`### ${name} was left out\n\n${error.message}\n`);
    }
  }
  if (isWanted("locks")) console.log(await benchLocks(databases, options.rounds, progress, signal));
});
