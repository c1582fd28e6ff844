import { markdownTable } from "./markdown-table";
import type { MeasuredOperation } from "./report";
import type { Measured } from "./rounds";

/** What one of many entities costs, for lists that grow, as a Markdown table. */
export function perEntityTable(operations: readonly MeasuredOperation[]): string {
  const rows = operations.map(({ contenders, entities, name, rounds }) => {
    const bare = contenders.find((contender) => contender.name.startsWith("bare"));
    const guarded = contenders.find((contender) => contender.name === "guarded");
    return [
      `${name} (${rounds} rounds)`,
      String(guarded?.statements ?? ""),
      microseconds(bare, entities),
      microseconds(guarded, entities),
    ];
  });
  const headings = ["operation", "guarded: statements", "bare: each entity", "guarded: each entity"];
  return markdownTable(headings, rows, 1);
}

function microseconds(measured: Measured | undefined, entities: number): string {
  if (measured === undefined) return "";
  const value = (1000 * measured.medianMs) / entities;
  return `${value >= 100 ? value.toFixed(0) : value.toPrecision(2)} µs`;
}
