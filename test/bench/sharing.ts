import type { ScratchDatabaseName } from "../support/scratch-database";
import { BenchDatabase } from "./bench-database";
import { createDistantDatabase } from "./latency/distant-database";
import { parallelRows } from "./parallel-rows";

/** Each measures one thing about work that shares a database, as a Markdown table. */
const sections: readonly ((database: BenchDatabase) => Promise<string>)[] = [parallelRows];

/** Measures every section on a new database; resolves to Markdown. */
export async function benchSharingOn(name: ScratchDatabaseName, latencyMs: number): Promise<string> {
  const scratch = await createDistantDatabase(name, latencyMs);
  try {
    const database = await BenchDatabase.open(scratch);
    try {
      const tables: string[] = [];
      for (const section of sections) tables.push(await section(database));
      return `${tables.join("\n\n")}\n`;
    } finally {
      await database.close();
    }
  } finally {
    await scratch.drop();
  }
}
