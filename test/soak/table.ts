import { distributionOf } from "./distribution";
import type { UnitReport } from "./messages";
import type { SoakResult } from "./soak";

interface Column {
  readonly heading: string;
  readonly width: number;
  readonly cell: (result: SoakResult, database: string) => string;
}

const columns: readonly Column[] = [
  { heading: "database", width: 8, cell: (_, database) => database },
  { heading: "rows", width: 4, cell: ({ settings }) => String(settings.rows) },
  { heading: "kills", width: 5, cell: ({ kills, settings }) => (settings.killPace ? String(kills) : "-") },
  { heading: "units", width: 6, cell: ({ reports }) => String(reports.length) },
  { heading: "acknowledged", width: 12, cell: ({ reports }) => counted(reports, "acknowledged") },
  { heading: "refused", width: 7, cell: ({ reports }) => counted(reports, "refused") },
  { heading: "unknown", width: 7, cell: ({ reports }) => counted(reports, "unknown") },
  {
    heading: "present+absent",
    width: 14,
    cell: (result) => `${result.unknownPresent}+${result.unknownAbsent}`,
  },
  { heading: "asked: yes+no", width: 13, cell: ({ reports }) => verifiedOf(reports) },
  { heading: "lost", width: 4, cell: ({ lost }) => String(lost) },
  { heading: "doubled", width: 7, cell: ({ doubled }) => String(doubled) },
  { heading: "unexpected", width: 10, cell: ({ unexpected }) => String(unexpected) },
  { heading: "rows wrong", width: 10, cell: ({ mismatchedRows }) => String(mismatchedRows) },
  { heading: "hung", width: 4, cell: ({ reports }) => counted(reports, "hung") },
  { heading: "attempts: mean/p50/p95/p99/max", width: 30, cell: ({ reports }) => attemptsOf(reports) },
  { heading: "slowest", width: 8, cell: ({ reports }) => `${seconds(slowestMs(reports))} s` },
  {
    heading: "units/s",
    width: 7,
    cell: ({ reports, tookMs }) => ((reports.length / tookMs) * 1000).toFixed(0),
  },
];

export const heading = columns.map((column) => pad(column.heading, column)).join("  ");

/** One line of the table. */
export function lineOf(database: string, result: SoakResult): string {
  return columns.map((column) => pad(column.cell(result, database), column)).join("  ");
}

/** How often units were refused, by error; empty for none. */
export function refusalsOf({ reports }: SoakResult): string {
  const counts = new Map<string, number>();
  for (const { code, outcome } of reports) {
    if (outcome === "refused") counts.set(code ?? "", (counts.get(code ?? "") ?? 0) + 1);
  }
  return [...counts].map(([code, count]) => `${count} × ${code}`).join(", ");
}

function counted(reports: readonly UnitReport[], outcome: UnitReport["outcome"]): string {
  return String(reports.filter((report) => report.outcome === outcome).length);
}

function verifiedOf(reports: readonly UnitReport[]): string {
  const answers = reports.flatMap(({ verified }) => verified ?? []);
  return `${answers.filter((answer) => answer).length}+${answers.filter((answer) => !answer).length}`;
}

function attemptsOf(reports: readonly UnitReport[]): string {
  const { max, mean, p50, p95, p99 } = distributionOf(reports.map(({ attempts }) => attempts));
  return `${mean.toFixed(2)}/${p50}/${p95}/${p99}/${max}`;
}

function slowestMs(reports: readonly UnitReport[]): number {
  return distributionOf(reports.map(({ tookMs }) => tookMs)).max;
}

function seconds(ms: number): string {
  return (ms / 1000).toFixed(2);
}

function pad(text: string, { heading, width }: Column): string {
  return heading === "database" ? text.padEnd(width) : text.padStart(width);
}
