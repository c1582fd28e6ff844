import type { Outcome } from "./tally";

const columns: readonly (readonly [heading: string, cell: (outcome: Outcome) => string])[] = [
  ["", ({ contender }) => contender],
  ["tried", ({ attempted }) => String(attempted)],
  ["acknowledged", ({ acknowledged }) => String(acknowledged)],
  ["in the rows", ({ inTheRows }) => String(inTheRows)],
  ["lost", ({ lost }) => String(lost)],
  ["refused", ({ refused }) => String(refused)],
  ["time", ({ tookMs }) => `${(tookMs / 1000).toFixed(2)} s`],
];

/** The outcomes as a table, numbers to the right. */
export function tableOf(outcomes: readonly Outcome[]): string {
  const lines = [
    columns.map(([heading]) => heading),
    ...outcomes.map((outcome) => columns.map(([, cell]) => cell(outcome))),
  ];
  const widths = columns.map((_, index) => Math.max(...lines.map((line) => line[index]!.length)));
  return lines
    .map((line) =>
      line
        .map((cell, index) => (index === 0 ? cell.padEnd(widths[index]!) : cell.padStart(widths[index]!)))
        .join("  "),
    )
    .join("\n");
}
