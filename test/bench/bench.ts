import type { Progress } from "../../examples/buyers/progress";
import type { ScratchDatabaseName } from "../support/scratch-database";
import { BenchDatabase } from "./bench-database";
import type { DatabaseReport } from "./database-report";
import { judgeBars } from "./judge-bars";
import { createDistantDatabase } from "./latency/distant-database";
import { measureMemory } from "./memory";
import type { Operation } from "./operation";
import { growingSaves, operationsOf } from "./operations";
import type { BenchOptions } from "./options";
import { peersOn } from "./peers/peers";
import type { MeasuredOperation } from "./report";
import { measure } from "./rounds";
import { databaseSetting } from "./setting";

const fewestRounds = 3;

/** Measures what the guard costs on a new database. */
export async function benchOn(
  name: ScratchDatabaseName,
  { hasPeers, latencyMs, rounds, size }: BenchOptions,
  progress: Progress,
  signal: AbortSignal,
): Promise<DatabaseReport> {
  const scratch = await createDistantDatabase(name, latencyMs);
  try {
    const database = await BenchDatabase.open(scratch);
    try {
      // First, before the heap has been filled by others.
      const memory = await measureMemory(database, signal);
      const peers = hasPeers ? peersOn(name) : [];
      const operations = await measureAll(operationsOf(size, peers), database);
      const setting = await databaseSetting(database.bare);
      const growing = await measureAll(growingSaves, database);
      const bars = judgeBars(name, operations);
      return { database: name, setting, bars, operations, growingSaves: growing, memory };
    } finally {
      await database.close();
    }
  } finally {
    progress.clear();
    await scratch.drop();
  }

  async function measureAll(
    operations: readonly Operation[],
    database: BenchDatabase,
  ): Promise<MeasuredOperation[]> {
    const measured: MeasuredOperation[] = [];
    for (const operation of operations) measured.push(await measureOperation(operation, database));
    return measured;
  }

  async function measureOperation(operation: Operation, database: BenchDatabase): Promise<MeasuredOperation> {
    const itsRounds = Math.max(fewestRounds, Math.round(rounds / operation.weight));
    const contenders = await operation.contenders(database);
    try {
      const measured = await measure(contenders, itsRounds, database.counter, (round) => {
        signal.throwIfAborted();
        progress.show(`${name}, ${operation.name}`, round, itsRounds);
      });
      const { entities, key, name: itsName } = operation;
      return { ...(key && { key }), name: itsName, entities, rounds: itsRounds, contenders: measured };
    } finally {
      for (const contender of contenders) await contender.close?.();
    }
  }
}
