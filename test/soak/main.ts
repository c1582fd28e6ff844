import { runCommand } from "../../examples/buyers/command";
import { progressOn } from "../../examples/buyers/progress";
import { scratchDatabaseNames, ServerAbsentError } from "../support/scratch-database";
import { help, parseOptions } from "./options";
import { soakOn } from "./soak-on";
import { heading } from "./table";

runCommand(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(help);
    return;
  }
  const progress = progressOn(process.stderr);
  const unsound: string[] = [];
  console.log(heading);
  for (const name of options.databases ?? scratchDatabaseNames) {
    try {
      if (!(await soakOn(name, options, progress, signal, (line) => console.log(line)))) unsound.push(name);
    } catch (error) {
      if (!(error instanceof ServerAbsentError) || options.databases !== undefined) throw error;
      console.log(`  ${name} was left out. ${error.message}`);
    }
  }
  if (unsound.length === 0) return;
  console.error(`Not what was promised, on ${unsound.join(" and ")}: see the table.`);
  process.exit(1);
});
