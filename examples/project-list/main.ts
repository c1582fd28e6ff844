import type { ForkOptions } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { DataSourceOptions } from "typeorm";
import { connect } from "./data-source";
import { openingDay } from "./opening-day";
import { story } from "./story";
import { WorkerProcess } from "./worker-process";

/**
 * @param database default: a file of its own.
 * @param fork how a worker's process finds its modules; for tests, whose modules are others.
 */
export async function main(database?: DataSourceOptions, fork?: ForkOptions): Promise<string[]> {
  const folder = mkdtempSync(join(tmpdir(), "project-list-"));
  // Several processes write it, so each may have to wait for another.
  const file = { type: "better-sqlite3", database: join(folder, "projects.sqlite"), timeout: 5000 } as const;
  try {
    return await play(database ?? file, fork);
  } finally {
    rmSync(folder, { recursive: true });
  }
}

async function play(database: DataSourceOptions, fork?: ForkOptions): Promise<string[]> {
  const workers = [new WorkerProcess(fork), new WorkerProcess(fork)] as const;
  try {
    const office = await connect(database);
    try {
      await openingDay(office);
      return await story(office, database, workers);
    } finally {
      await office.dataSource.destroy();
    }
  } finally {
    await Promise.all(workers.map((worker) => worker.kill()));
  }
}

if (require.main === module) void main().then((lines) => console.log(lines.join("\n")));
