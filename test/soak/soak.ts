import { DataSource, type DataSourceOptions } from "typeorm";
import { Counter } from "./counter";
import { Killer, type KillPace } from "./killer";
import { LedgerEntry } from "./ledger-entry";
import type { Assignment, UnitReport, UnitSettings } from "./messages";
import { reconcile, type Reconciliation } from "./reconcile";
import type { WorkerProcess, WorkListener } from "./worker-process";

export interface SoakSettings {
  readonly rows: number;
  readonly units: number;
  /** In all processes together. */
  readonly workers: number;
  readonly unit: UnitSettings;
  readonly hangAfterMs: number;
  /** Undefined: no connection is killed. */
  readonly killPace?: KillPace | undefined;
}

/** What became of one soak. */
export interface SoakResult extends Reconciliation {
  readonly settings: SoakSettings;
  readonly reports: readonly UnitReport[];
  readonly kills: number;
  readonly tookMs: number;
}

/**
 * Lets the workers of several processes increment the rows of a new table, and holds what they were told against what
 * the database has when all have finished.
 *
 * @param processes idle ones.
 * @param report is told how many units have ended.
 */
export async function soak(
  database: DataSourceOptions,
  settings: SoakSettings,
  processes: readonly WorkerProcess[],
  report: (done: number) => void = () => undefined,
): Promise<SoakResult> {
  const office = new DataSource({
    ...database,
    entities: [Counter, LedgerEntry],
    ...(isServer(database) && { poolSize: 1 }),
  } as DataSourceOptions);
  await office.initialize();
  try {
    await fill(office, settings.rows);
    const reports: UnitReport[] = [];
    const startedAt = performance.now();
    let connected = 0;
    let killer: Killer | undefined;
    let kills = 0;
    const listener: WorkListener = {
      onConnected() {
        connected += 1;
        if (connected < processes.length || settings.killPace === undefined) return;
        killer = new Killer(office, settings.killPace);
      },
      onReports(received) {
        reports.push(...received);
        report(reports.length);
      },
    };
    try {
      await Promise.all(
        processes.map((process, index) =>
          process.work(assignmentOf(database, settings, processes.length, index), listener),
        ),
      );
    } finally {
      kills = (await killer?.stop()) ?? 0;
    }
    const tookMs = performance.now() - startedAt;
    const counters = await office.manager.find(Counter);
    const ledger = await office.manager.find(LedgerEntry);
    return { settings, reports, kills, tookMs, ...reconcile(reports, { counters, ledger }) };
  } finally {
    await office.destroy();
  }
}

/** Whether nothing is wrong with a soak. */
export function isSound(result: SoakResult): boolean {
  const { doubled, lost, mismatchedRows, reports, settings, unexpected } = result;
  const hung = reports.filter(({ outcome }) => outcome === "hung").length;
  return lost + doubled + unexpected + mismatchedRows + hung === 0 && reports.length === settings.units;
}

async function fill(office: DataSource, rows: number): Promise<void> {
  await office.synchronize(true);
  await office.manager.insert(
    Counter,
    Array.from({ length: rows }, (_, index) => ({ id: index + 1, value: 0 })),
  );
}

function assignmentOf(
  database: DataSourceOptions,
  { hangAfterMs, killPace, rows, unit, units, workers }: SoakSettings,
  processes: number,
  index: number,
): Assignment {
  const share = (total: number): number =>
    Math.floor(total / processes) + (index < total % processes ? 1 : 0);
  return {
    database: { ...database, ...(isServer(database) && { poolSize: share(workers) }) } as DataSourceOptions,
    units: share(units),
    workers: share(workers),
    isVerifying: killPace !== undefined,
    ...{ rows, unit, hangAfterMs },
  };
}

function isServer({ type }: DataSourceOptions): boolean {
  return type === "postgres" || type === "mariadb";
}
