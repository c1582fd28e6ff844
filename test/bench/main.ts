import { CommandError, runCommand } from "../../examples/buyers/command";
import { progressOn } from "../../examples/buyers/progress";
import { ServerAbsentError } from "../support/scratch-database";
import { benchOn } from "./bench";
import { sectionOf, type DatabaseReport } from "./database-report";
import { hotRow } from "./hot-row";
import { isMissed } from "./judge-bars";
import { benchLocks } from "./locks/bench-locks";
import { help, parseOptions, type BenchPart } from "./options";
import { installPeers } from "./peers/install-peers";
import { publish } from "./published/publish";
import { machine } from "./setting";
import { benchSharingOn } from "./sharing";
import { loadPostgresWithoutExitHook } from "./without-exit-hook";

runCommand(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(help);
    return;
  }
  const isWanted = (part: BenchPart): boolean => options.only === undefined || options.only === part;
  const { latencyMs } = options;
  const hasPeers = options.hasPeers && isWanted("guard");
  if (hasPeers) await installPeers(console.error, signal);
  const setting = machine({ hasPeers, latencyMs });
  console.log(`${setting}\n`);
  await loadPostgresWithoutExitHook();
  const progress = progressOn(process.stderr);
  const databases = options.db === undefined ? (["postgres", "sqlite", "mariadb"] as const) : [options.db];
  const reports: DatabaseReport[] = [];
  for (const name of databases) {
    try {
      if (isWanted("guard")) {
        const report = await benchOn(name, options, progress, signal);
        reports.push(report);
        console.log(`${sectionOf(report)}\n`);
      }
      if (isWanted("sharing")) console.log(await benchSharingOn(name, latencyMs));
      if (isWanted("sharing")) console.log(await hotRow(name, latencyMs, signal));
    } catch (error) {
      if (!(error instanceof ServerAbsentError) || options.db !== undefined) throw error;
      console.log(`### ${name} was left out\n\n${error.message}\n`);
    }
  }
  if (isWanted("locks")) console.log(await benchLocks(databases, options.rounds, progress, signal));
  if (options.isWritten) publish(setting, reports);
  const missed = reports.flatMap(({ bars }) => bars).filter(isMissed).length;
  if (options.isCheck && missed > 0) throw new CommandError(`Bars that are not met: ${missed}.`);
});
