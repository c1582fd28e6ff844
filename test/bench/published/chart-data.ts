import type { ScratchDatabaseName } from "../../support/scratch-database";
import type { DatabaseReport } from "../database-report";
import type { OperationKey } from "../operation";
import type { ChartData } from "./chart";

const shown: readonly OperationKey[] = ["save-one", "save-list", "remove-list", "find-list", "unit"];

const databaseNames: Readonly<Record<ScratchDatabaseName, string>> = {
  postgres: "PostgreSQL",
  mariadb: "MariaDB",
  sqlite: "SQLite",
};

/** How long the guarded way took beside bare TypeORM, by operation and database. */
export function chartDataOf(reports: readonly DatabaseReport[]): ChartData {
  return {
    title: "Time that guarded TypeORM takes ÷ bare TypeORM (less is better)",
    series: reports.map(({ database }) => databaseNames[database]),
    groups: shown.map((key) => ({
      label: reports[0]?.operations.find((operation) => operation.key === key)?.name ?? key,
      values: reports.map((report) => ratioOf(report, key)),
    })),
  };
}

function ratioOf({ operations }: DatabaseReport, key: OperationKey): number | undefined {
  const contenders = operations.find((operation) => operation.key === key)?.contenders ?? [];
  const [bare] = contenders;
  const guarded = contenders.find(({ name }) => name.startsWith("guarded"));
  return bare && guarded && guarded.medianMs / bare.medianMs;
}
