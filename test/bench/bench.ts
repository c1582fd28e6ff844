import type { Progress } from "../../examples/buyers/progress";
import { createScratchDatabase, type ScratchDatabaseName } from "../support/scratch-database";
import { BenchDatabase } from "./bench-database";
import { operations } from "./operations";
import { tableOf, type MeasuredOperation } from "./report";
import { measure } from "./rounds";
import { databaseSetting } from "./setting";

const fewestRounds = 5;

/** Measures every operation on a new database; resolves to a section of Markdown. */
export async function benchOn(
  name: ScratchDatabaseName,
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const scratch = await createScratchDatabase(name);
  try {
    const database = await BenchDatabase.open(scratch);
    try {
      const measured: MeasuredOperation[] = [];
      for (const operation of operations) measured.push(await measureOperation(operation, database));
      return `### ${await databaseSetting(database.bare)}\n\n${tableOf(measured)}\n`;
    } finally {
      await database.close();
    }
  } finally {
    progress.clear();
    await scratch.drop();
  }

  async function measureOperation(
    operation: (typeof operations)[number],
    database: BenchDatabase,
  ): Promise<MeasuredOperation> {
    const itsRounds = Math.max(fewestRounds, Math.round(rounds / operation.weight));
    const contenders = await operation.contenders(database);
    try {
      const measured = await measure(contenders, itsRounds, database.counter, (round) => {
        signal.throwIfAborted();
        progress.show(`${name}, ${operation.name}`, round, itsRounds);
      });
      return { name: operation.name, rounds: itsRounds, contenders: measured };
    } finally {
      for (const contender of contenders) await contender.close?.();
    }
  }
}
