import type { Measured } from "./rounds";

export interface MeasuredOperation {
  readonly name: string;
  readonly rounds: number;
  /** The bare one first. */
  readonly contenders: readonly Measured[];
}

const headings = ["operation", "contender", "statements", "median", "÷ bare TypeORM"];

/** The medians and their ratios as a Markdown table, with a column of ratios to pg where pg took part. */
export function tableOf(operations: readonly MeasuredOperation[]): string {
  const hasPg = operations.some(({ contenders }) => contenders.some(isPg));
  const lines = operations.flatMap(({ name, rounds, contenders }) => {
    const [bare] = contenders;
    const pg = contenders.find(isPg);
    return contenders.map((contender, index) => [
      index === 0 ? `${name} (${rounds} rounds)` : "",
      contender.name,
      String(contender.statements),
      `${milliseconds(contender.medianMs)} ms`,
      ratio(contender, bare),
      ...(hasPg ? [ratio(contender, pg)] : []),
    ]);
  });
  const all = [[...headings, ...(hasPg ? ["÷ pg itself"] : [])], ...lines];
  const widths = all[0]!.map((_, column) => Math.max(...all.map((line) => line[column]!.length)));
  const [heading, ...body] = all.map(
    (line) => `| ${line.map((cell, i) => pad(cell, i, widths[i]!)).join(" | ")} |`,
  );
  const rule = `| ${widths.map((width, i) => (isText(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`)).join(" | ")} |`;
  return [heading, rule, ...body].join("\n");
}

// Three digits that count.
function milliseconds(value: number): string {
  return value >= 1000 ? value.toFixed(0) : value.toPrecision(3);
}

function ratio({ medianMs }: Measured, to: Measured | undefined): string {
  return to === undefined ? "" : (medianMs / to.medianMs).toFixed(2);
}

function isPg({ name }: Measured): boolean {
  return name.startsWith("pg ");
}

function isText(column: number): boolean {
  return column < 2;
}

function pad(cell: string, column: number, width: number): string {
  return isText(column) ? cell.padEnd(width) : cell.padStart(width);
}
