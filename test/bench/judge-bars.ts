import type { ScratchDatabaseName } from "../support/scratch-database";
import { bars, type Bar, type Limit } from "./bars";
import { markdownTable } from "./markdown-table";
import type { MeasuredOperation } from "./report";
import type { Measured } from "./rounds";

export interface JudgedBar {
  readonly what: string;
  readonly limit: Limit;
  /** Undefined: one of the two did not take part. */
  readonly ratio: number | undefined;
}

/** Compares what was measured on a database with its bars. */
export function judgeBars(
  database: ScratchDatabaseName,
  operations: readonly MeasuredOperation[],
  all: readonly Bar[] = bars,
): JudgedBar[] {
  return all.flatMap((bar) => {
    const limit = bar.limits[database];
    const operation = operations.find(({ key }) => key === bar.operation);
    if (limit === undefined || operation === undefined) return [];
    const contender = contenderOf(operation, bar.contender);
    const to = contenderOf(operation, bar.to);
    const ratio = contender && to && contender.medianMs / to.medianMs;
    return [{ what: `${operation.name}: ${bar.what}`, limit, ratio }];
  });
}

export function isMissed({ limit, ratio }: JudgedBar): boolean {
  return ratio !== undefined && ratio > limit.atMost;
}

export function tableOfBars(judged: readonly JudgedBar[]): string {
  const rows = judged.map((bar) => [
    bar.what,
    bar.limit.reason ?? "",
    bar.ratio === undefined ? "left out" : bar.ratio.toFixed(2),
    `≤ ${bar.limit.atMost.toFixed(2)}`,
    bar.ratio === undefined ? "" : isMissed(bar) ? "no" : "yes",
  ]);
  return markdownTable(["what", "why not as on PostgreSQL", "ratio", "bar", "met"], rows, 2);
}

function contenderOf({ contenders }: MeasuredOperation, name: string): Measured | undefined {
  return contenders.find((contender) => contender.name.startsWith(name));
}
