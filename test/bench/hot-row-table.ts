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
  const headings = ["way", "units per second", `÷ ${first?.name ?? ""}`, "p50", "p99"];
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, column) => (column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!))).join(" | ")} |`;
  const rule = widths.map((width, column) =>
    column === 0 ? "-".repeat(width) : `${"-".repeat(width - 1)}:`,
  );
  return [line(headings), line(rule), ...rows.map(line)].join("\n");
}

function quantile(values: readonly number[], share: number): number {
  const sorted = [...values].sort((left, right) => left - right);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
}
