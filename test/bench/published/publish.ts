import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { sectionOf, type DatabaseReport } from "../database-report";
import { chart } from "./chart";
import { chartDataOf } from "./chart-data";
import { pageWith } from "./page";

const docs = join(__dirname, "../../../docs");
const pagePath = join(docs, "benchmark.md");

/** Writes what the guard costs into the documentation, and draws it there. */
export function publish(setting: string, reports: readonly DatabaseReport[]): void {
  const results = [
    setting,
    "![What is in the tables below, drawn](benchmark.svg)",
    ...reports.map(sectionOf),
  ];
  writeFileSync(pagePath, pageWith(readFileSync(pagePath, "utf8"), results.join("\n\n")));
  writeFileSync(join(docs, "benchmark.svg"), chart(chartDataOf(reports)));
}
