import { once } from "node:events";
import type { DataSourceOptions } from "typeorm";
import { runBulkEdit, type BulkEdit } from "./bulk-edit";
import { connect } from "./data-source";

/** What a process of this file is sent first. After each report it waits for another message. */
export interface Assignment {
  readonly database: DataSourceOptions;
  readonly job: BulkEdit;
}

process.once("message", ({ database, job }: Assignment) => void work(database, job));
// Nobody is there to hear of it any more.
process.on("disconnect", () => process.exit());

async function work(database: DataSourceOptions, job: BulkEdit): Promise<void> {
  const connected = await connect(database);
  await runBulkEdit(connected, job, async (progress) => {
    const mayGoOn = once(process, "message");
    process.send?.(progress);
    await mayGoOn;
  });
  await connected.dataSource.destroy();
  process.send?.("is done", () => process.disconnect());
}
