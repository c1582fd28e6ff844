import type { Counter } from "./counter";
import type { LedgerEntry } from "./ledger-entry";
import type { UnitReport } from "./messages";

/** What the database has at the end. */
export interface FinalState {
  readonly counters: readonly Pick<Counter, "id" | "value" | "version">[];
  readonly ledger: readonly Pick<LedgerEntry, "key" | "counterId">[];
}

/** What the workers were told, held against what the database has. */
export interface Reconciliation {
  /** Acknowledged and not in the ledger. */
  readonly lost: number;
  /** In the ledger more than once. */
  readonly doubled: number;
  /** Refused, and in the ledger all the same; or in the ledger and reported by nobody. */
  readonly unexpected: number;
  /** Rows whose value, number of ledger entries and version do not agree. */
  readonly mismatchedRows: number;
  readonly unknownPresent: number;
  readonly unknownAbsent: number;
}

/** Holds every report against the ledger, and every row against its entries there. */
export function reconcile(reports: readonly UnitReport[], { counters, ledger }: FinalState): Reconciliation {
  const entries = countBy(ledger, ({ key }) => key);
  const entriesOfRow = countBy(ledger, ({ counterId }) => counterId);
  const timesWritten = ({ key }: UnitReport): number => entries.get(key) ?? 0;
  const told = (outcome: UnitReport["outcome"]): UnitReport[] =>
    reports.filter((report) => report.outcome === outcome);
  const unknown = told("unknown");
  const unknownPresent = unknown.filter((report) => timesWritten(report) > 0).length;
  const reported = new Set(reports.map(({ key }) => key));
  return {
    lost: told("acknowledged").filter((report) => timesWritten(report) === 0).length,
    doubled: [...entries.values()].filter((times) => times > 1).length,
    unexpected:
      told("refused").filter((report) => timesWritten(report) > 0).length +
      [...entries.keys()].filter((key) => !reported.has(key)).length,
    mismatchedRows: counters.filter(({ id, value, version }) => {
      const written = entriesOfRow.get(id) ?? 0;
      return value !== written || version - 1 !== written;
    }).length,
    unknownPresent,
    unknownAbsent: unknown.length - unknownPresent,
  };
}

function countBy<Item, Key>(items: readonly Item[], keyOf: (item: Item) => Key): Map<Key, number> {
  const counts = new Map<Key, number>();
  for (const item of items) counts.set(keyOf(item), (counts.get(keyOf(item)) ?? 0) + 1);
  return counts;
}
