import { runCommand } from "./command";
import { runDemo } from "./demo";
import { help, parseOptions } from "./options";
import { progressOn } from "./progress";
import { tableOf } from "./table";

runCommand(async (args, signal) => {
  const options = parseOptions(args);
  if (options === "help") {
    console.log(help);
    return;
  }
  const { db, buyers, rows, purchases } = options;
  console.log(`${buyers} buyers make ${purchases} purchases each, of ${rows} products, on ${db}.\n`);
  console.log(tableOf(await runDemo(options, progressOn(process.stderr), signal)));
  console.log("\nLost: acknowledged to the buyer, but not in the row when all rows are read at the end.");
});
