import type { DataSourceOptions } from "typeorm";
import type { Progress } from "../../examples/buyers/progress";
import { createScratchDatabase, type ScratchDatabaseName } from "../support/scratch-database";
import type { SoakOptions } from "./options";
import { isSound, soak, type SoakSettings } from "./soak";
import { lineOf, refusalsOf } from "./table";
import { WorkerProcess } from "./worker-process";

const killPace = { leastMs: 50, mostMs: 200 };
const busyTimeoutMs = 5000;

/** Runs all soaks of one database and prints a line for each; resolves to whether every one was sound. */
export async function soakOn(
  name: ScratchDatabaseName,
  options: SoakOptions,
  progress: Progress,
  signal: AbortSignal,
  print: (line: string) => void,
): Promise<boolean> {
  const database = await createScratchDatabase(name);
  let areSound = true;
  try {
    for (const settings of settingsOf(name, options)) {
      const rows = settings.rows === 1 ? "1 row" : `${settings.rows} rows`;
      const what = `${name}, ${rows}${settings.killPace === undefined ? "" : ", killing"}`;
      const report = (done: number): void => progress.show(what, done, settings.units);
      const result = await withProcesses(options.processes, signal, (processes) =>
        soak(withBusyTimeout(database.options), settings, processes, report),
      );
      progress.clear();
      print(lineOf(name, result));
      const refusals = refusalsOf(result);
      if (refusals !== "") print(`  refused: ${refusals}`);
      areSound &&= isSound(result);
    }
    if (name === "sqlite" && options.kill.includes(true)) {
      print("  No connections are killed on sqlite: it has no server, so nobody else can.");
    }
    return areSound;
  } finally {
    progress.clear();
    await database.drop();
  }
}

/** New processes for each soak: what hung in one is no burden to the next. */
async function withProcesses<Result>(
  count: number,
  signal: AbortSignal,
  work: (processes: readonly WorkerProcess[]) => Promise<Result>,
): Promise<Result> {
  signal.throwIfAborted();
  const processes = Array.from({ length: count }, () => new WorkerProcess());
  const endAll = async (): Promise<void> => {
    await Promise.all(processes.map((process) => process.end()));
  };
  const stop = (): void => void endAll();
  signal.addEventListener("abort", stop, { once: true });
  try {
    return await work(processes);
  } finally {
    signal.removeEventListener("abort", stop);
    await endAll();
  }
}

function settingsOf(
  name: ScratchDatabaseName,
  { hangAfterMs, kill, maxDelayMs, minDelayMs, retries, rows, units, workers }: SoakOptions,
): SoakSettings[] {
  return kill
    .filter((isKilling) => !isKilling || name !== "sqlite")
    .flatMap((isKilling) =>
      rows.map((itsRows) => ({
        rows: itsRows,
        ...{ units, workers, hangAfterMs, unit: { retries, minDelayMs, maxDelayMs } },
        killPace: isKilling ? killPace : undefined,
      })),
    );
}

// As an application sets it whose file is written by several processes.
function withBusyTimeout(options: DataSourceOptions): DataSourceOptions {
  return options.type === "better-sqlite3" ? { ...options, timeout: busyTimeoutMs } : options;
}
