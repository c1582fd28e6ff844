import type { Progress } from "../../../examples/buyers/progress";
import { ServerAbsentError, type ScratchDatabaseName } from "../../support/scratch-database";
import { StatementCounter } from "../statement-counter";
import { acquireRelease } from "./acquire-release";
import { guardedSave } from "./guarded-save";
import { hotLock } from "./hot-lock";
import { LockBench } from "./lock-bench";
import { lockedPage } from "./locked-page";
import { openPlaces } from "./places";
import { connectRedis } from "./redis-place";

/** Measures locks over sets of entities, in each place where they can be kept; resolves to a section of Markdown. */
export async function benchLocks(
  databases: readonly ScratchDatabaseName[],
  rounds: number,
  progress: Progress,
  signal: AbortSignal,
): Promise<string> {
  const counter = new StatementCounter();
  const bench = new LockBench(counter, rounds, progress, signal);
  try {
    const { absent, close, places } = await openPlaces(databases, counter, signal);
    const tables: string[] = [];
    try {
      tables.push(await acquireRelease(places, bench));
      tables.push(await lockedPage(places, bench));
      tables.push(await hotLock(places, bench));
    } finally {
      await close();
    }
    tables.push(await saves());
    const settings = [
      ...places.map(({ setting }) => `- ${setting}`),
      ...absent.map((reason) => `- left out: ${reason}`),
    ];
    return `### Locks\n\n${[settings.join("\n"), ...tables].join("\n\n")}\n`;
  } finally {
    progress.clear();
  }

  async function saves(): Promise<string> {
    const redis = await connectRedis(counter).catch((error: unknown) => {
      if (error instanceof ServerAbsentError) return undefined;
      throw error;
    });
    try {
      return await guardedSave(
        databases.filter((name) => name !== "mariadb"),
        redis,
        bench,
      );
    } finally {
      await redis?.quit();
    }
  }
}
