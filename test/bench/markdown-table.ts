/** A Markdown table whose first `textColumns` columns are text, to the left, and whose others are numbers, to the right. */
export function markdownTable(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  textColumns: number,
): string {
  const isText = (column: number): boolean => column < textColumns;
  const widths = headings.map((heading, column) =>
    Math.max(heading.length, ...rows.map((row) => row[column]!.length)),
  );
  const line = (cells: readonly string[]): string =>
    `| ${cells.map((cell, i) => (isText(i) ? cell.padEnd(widths[i]!) : cell.padStart(widths[i]!))).join(" | ")} |`;
  const rule = widths.map((width, i) => (isText(i) ? "-".repeat(width) : `${"-".repeat(width - 1)}:`));
  return [line(headings), line(rule), ...rows.map(line)].join("\n");
}

/** Three digits that count. */
export function milliseconds(value: number): string {
  return `${value >= 1000 ? value.toFixed(0) : value.toPrecision(3)} ms`;
}
