import { createScratchDatabase } from "../../test/support/scratch-database";
import { contenders } from "./contenders";
import type { DemoOptions } from "./options";
import type { Progress } from "./progress";
import { rush } from "./rush";
import type { Outcome } from "./tally";

/**
 * Lets many buyers edit the same few rows, once for each contender, in a database that is made for it and taken
 * away afterwards, also when `signal` aborts.
 */
export async function runDemo(
  options: DemoOptions,
  progress: Progress,
  signal = new AbortController().signal,
): Promise<Outcome[]> {
  const database = await createScratchDatabase(options.db);
  try {
    const outcomes: Outcome[] = [];
    for (const contender of contenders) {
      signal.throwIfAborted();
      const report = (done: number): void =>
        progress.show(contender.name, done, options.buyers * options.purchases);
      outcomes.push(await rush(database.options, contender, options, report, signal));
    }
    return outcomes;
  } finally {
    progress.clear();
    await database.drop();
  }
}
