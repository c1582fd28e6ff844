import { DataSource } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Counter } from "./counter";
import { LedgerEntry } from "./ledger-entry";
import type { Assignment, WorkerMessage } from "./messages";
import { ReportOutbox } from "./report-outbox";
import { incrementOnce } from "./unit";

const send = (message: WorkerMessage): void => void process.send?.(message);

process.on("message", (assignment: Assignment) => {
  work(assignment).then(
    () => send({ kind: "finished" }),
    (error: unknown) =>
      send({ kind: "failed", error: error instanceof Error ? String(error.stack) : String(error) }),
  );
});
process.on("disconnect", () => process.exit());

/** Runs the units of an assignment by workers that are all at it at once, on one guarded DataSource. */
async function work(assignment: Assignment): Promise<void> {
  const dataSource = new DataSource({ ...assignment.database, entities: [Counter, LedgerEntry] });
  await guardDataSource(dataSource).initialize();
  send({ kind: "connected" });
  const outbox = new ReportOutbox((reports) => send({ kind: "reports", reports }));
  let begun = 0;
  let hasHung = false;
  const workUntilDone = async (): Promise<void> => {
    while (begun < assignment.units) {
      const isVerified = assignment.isVerifying && begun % 2 === 0;
      begun += 1;
      const report = await incrementOnce(dataSource, assignment, isVerified);
      hasHung ||= report.outcome === "hung";
      outbox.put(report);
    }
  };
  await Promise.all(Array.from({ length: assignment.workers }, workUntilDone));
  outbox.close();
  // It would wait for a hung unit's connection.
  if (!hasHung) await dataSource.destroy();
}
