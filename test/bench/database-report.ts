import type { ScratchDatabaseName } from "../support/scratch-database";
import { tableOfBars, type JudgedBar } from "./judge-bars";
import { memoryLine, type MeasuredMemory } from "./memory";
import { perEntityTable } from "./per-entity";
import { tableOf, type MeasuredOperation } from "./report";

/** What the guard costs on one database. */
export interface DatabaseReport {
  readonly database: ScratchDatabaseName;
  /** The server, its driver and what decides how long a commit takes, in one line. */
  readonly setting: string;
  readonly bars: readonly JudgedBar[];
  readonly operations: readonly MeasuredOperation[];
  readonly growingSaves: readonly MeasuredOperation[];
  readonly memory: MeasuredMemory;
}

/** A section of Markdown. */
export function sectionOf({ bars, growingSaves, memory, operations, setting }: DatabaseReport): string {
  const finds = operations.filter(({ name }) => name.startsWith("find of"));
  return [
    `### ${setting}`,
    tableOfBars(bars),
    tableOf(operations),
    perEntityTable([...finds, ...growingSaves]),
    memoryLine(memory),
  ].join("\n\n");
}
