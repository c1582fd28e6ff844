const start = "<!-- bench:start -->";
const end = "<!-- bench:end -->";

/** The page with other results between its two markers. */
export function pageWith(page: string, results: string): string {
  const from = page.indexOf(start);
  const to = page.indexOf(end);
  if (from === -1 || to < from) throw new Error(`The page has no ${start} that is followed by ${end}.`);
  return `${page.slice(0, from + start.length)}\n\n${results.trim()}\n\n${page.slice(to)}`;
}
