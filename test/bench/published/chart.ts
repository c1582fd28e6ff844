/** Groups of bars: for each of the labels, a value of each of the series. */
export interface ChartData {
  readonly title: string;
  readonly series: readonly string[];
  readonly groups: readonly { readonly label: string; readonly values: readonly (number | undefined)[] }[];
}

// Readable on white and on black, also by those who do not see the difference between red and green.
const colors = ["#2f81f7", "#d29922", "#8957e5"] as const;

const width = 760;
const labelWidth = 250;
const valueWidth = 50;
const barHeight = 14;
const groupGap = 14;
const top = 64;

const style = [
  "text { font: 12px system-ui, sans-serif; fill: #1f2328; }",
  ".title { font-size: 14px; font-weight: 600; }",
  ".one { stroke: #1f2328; stroke-dasharray: 3 3; }",
  "@media (prefers-color-scheme: dark) { text { fill: #e6edf3; } .one { stroke: #e6edf3; } }",
].join("\n    ");

/** Draws ratios as horizontal bars, with a line at 1, as an SVG. */
export function chart({ groups, series, title }: ChartData): string {
  const most = Math.max(1, ...groups.flatMap(({ values }) => values.map((value) => value ?? 0)));
  const scale = (width - labelWidth - valueWidth) / most;
  const groupHeight = series.length * barHeight + groupGap;
  const height = top + groups.length * groupHeight + 8;
  const one = labelWidth + scale;
  const legend = series.map((name, index) => {
    const x = labelWidth + index * 130;
    return `<rect x="${x}" y="34" width="10" height="10" fill="${colors[index % colors.length]!}"/><text x="${x + 16}" y="43">${escaped(name)}</text>`;
  });
  const drawn = groups.flatMap(({ label, values }, group) => {
    const y = top + group * groupHeight;
    const middle = y + (series.length * barHeight) / 2 + 4;
    return [
      `<text x="${labelWidth - 10}" y="${middle}" text-anchor="end">${escaped(label)}</text>`,
      ...values.flatMap((value, index) => barOf(value, index, y + index * barHeight)),
    ];
  });
  const line = `<line class="one" x1="${one.toFixed(1)}" y1="${top - 6}" x2="${one.toFixed(1)}" y2="${height - 8}"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" role="img" aria-label="${escaped(title)}">
  <style>
    ${style}
  </style>
  <text class="title" x="10" y="20">${escaped(title)}</text>
  ${[...legend, ...drawn, line].join("\n  ")}
</svg>
`;

  function barOf(value: number | undefined, index: number, y: number): string[] {
    if (value === undefined) return [];
    const length = value * scale;
    return [
      `<rect x="${labelWidth}" y="${y}" width="${length.toFixed(1)}" height="${barHeight - 3}" fill="${colors[index % colors.length]!}"/>`,
      `<text x="${(labelWidth + length + 5).toFixed(1)}" y="${y + barHeight - 4}">${value.toFixed(2)}</text>`,
    ];
  }
}

function escaped(text: string): string {
  return text.replace(/&/g, "&amp;").replace(/</g, "&lt;").replace(/"/g, "&quot;");
}
