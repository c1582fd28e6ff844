import { runCommand } from "../../examples/buyers/command";
import { progressOn } from "../../examples/buyers/progress";
import { ServerAbsentError } from "../support/scratch-database";
import { benchOn } from "./bench";
import { hotRow } from "./hot-row";
import { help, parseOptions } from "./options";
import { machine } from "./setting";
import { benchSharingOn } from "./sharing";

runCommand(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(help);
    return;
  }
  console.log(`${machine()}\n`);
  const progress = progressOn(process.stderr);
  for (const name of options.db === undefined ? (["postgres", "sqlite", "mariadb"] as const) : [options.db]) {
    try {
      console.log(await benchOn(name, options.rounds, progress, signal));
      console.log(await benchSharingOn(name));
      console.log(await hotRow(name, signal));
    } catch (error) {
      if (!(error instanceof ServerAbsentError) || options.db !== undefined) throw error;
      console.log(`### ${name} was left out\n\n${error.message}\n`);
    }
  }
});
