import { markdownTable } from "./markdown-table";
import { quantile } from "./quantile";

export interface HotRowResult {
  readonly name: string;
  readonly unitsPerSecond: number;
  /** Of each unit, from when it was asked for until it was done. */
  readonly tookMs: readonly number[];
}

/** The throughput of each way beside that of the first one, and how long a unit took, as a Markdown table. */
export function hotRowTable(results: readonly HotRowResult[]): string {
  const [first] = results;
  const rows = results.map(({ name, tookMs, unitsPerSecond }) => [
    name,
    unitsPerSecond.toFixed(0),
    (unitsPerSecond / (first?.unitsPerSecond ?? NaN)).toFixed(2),
    ...[0.5, 0.99].map((share) => `${quantile(tookMs, share).toFixed(1)} ms`),
  ]);
  return markdownTable(["way", "units per second", `÷ ${first?.name ?? ""}`, "p50", "p99"], rows, 1);
}
