import type { DataSourceOptions } from "typeorm";
import { UsageError } from "../../examples/buyers/command";
import { reconcile } from "../soak/reconcile";
import type { UnitOutcome, UnitReport } from "../soak/messages";
import { parseOptions } from "../soak/options";
import { isSound, soak, type SoakResult, type SoakSettings } from "../soak/soak";
import { refusalsOf } from "../soak/table";
import { WorkerProcess } from "../soak/worker-process";
import { eachDatabase, typeormLine } from "../support/databases";

// Nobody is measured here, so whatever waits may wait for long.
const testTimeoutMs = 180_000;
const hangAfterMs = 60_000;

const rowCounts = [
  ["five rows", 5],
  ["a single row", 1],
] as const;
const units = 120;
const workers = 8;
const busyTimeoutMs = 5000;

function settingsFor(rows: number): SoakSettings {
  const unit = { retries: Infinity, minDelayMs: 5, maxDelayMs: 50 };
  return { rows, units, workers, unit, hangAfterMs };
}

function countsOf({ reports }: SoakResult): Partial<Record<UnitOutcome, number>> {
  const counts: Partial<Record<UnitOutcome, number>> = {};
  for (const { outcome } of reports) counts[outcome] = (counts[outcome] ?? 0) + 1;
  return counts;
}

jest.setTimeout(testTimeoutMs);

describe("units of work in several processes", () => {
  let processes: WorkerProcess[];

  beforeAll(() => {
    processes = [new WorkerProcess(typeormLine), new WorkerProcess(typeormLine)];
  });

  afterAll(() => Promise.all(processes.map((process) => process.end())));

  eachDatabase((scratch, name) => {
    let database: DataSourceOptions;

    beforeAll(() => {
      const timeouts = { timeout: busyTimeoutMs, busyTimeout: busyTimeoutMs };
      database = scratch().dataSource([], name === "sqlite" ? timeouts : {}).options;
    });

    it.each(rowCounts)("write every increment exactly once on %s", async (_, rows) => {
      const result = await soak(database, settingsFor(rows), processes);
      expect(refusalsOf(result)).toBe("");
      expect(countsOf(result)).toEqual({ acknowledged: units });
      expect(result).toMatchObject({ lost: 0, doubled: 0, unexpected: 0, mismatchedRows: 0 });
      expect(isSound(result)).toBe(true);
    });

    if (name === "sqlite") {
      it.skip("know what they have written while connections are killed (skipped: there is no server)", () => {});
      return;
    }

    it("know what they have written while connections are killed", async () => {
      const killPace = { leastMs: 10, mostMs: 40 };
      const result = await soak(database, { ...settingsFor(5), killPace }, processes);
      const { acknowledged = 0, unknown = 0 } = countsOf(result);
      expect(refusalsOf(result)).toBe("");
      expect(acknowledged + unknown).toBe(units);
      expect(result).toMatchObject({ lost: 0, doubled: 0, unexpected: 0, mismatchedRows: 0 });
      expect(result.kills).toBeGreaterThan(0);
    });
  });
});

describe("the reckoning of a soak", () => {
  const report = (key: string, outcome: UnitOutcome): UnitReport => ({
    ...{ key, outcome, row: 1, attempts: 1, tookMs: 1 },
  });
  const state = (...keys: string[]): Parameters<typeof reconcile>[1] => ({
    counters: [{ id: 1, value: keys.length, version: keys.length + 1 }],
    ledger: keys.map((key) => ({ key, counterId: 1 })),
  });
  const nothing = {
    lost: 0,
    doubled: 0,
    unexpected: 0,
    mismatchedRows: 0,
    unknownPresent: 0,
    unknownAbsent: 0,
  };

  it.each([
    ["an acknowledged unit that is there", [report("a", "acknowledged")], state("a"), {}],
    ["a refused unit that is not", [report("a", "refused")], state(), {}],
    ["an unknown unit that is there", [report("a", "unknown")], state("a"), { unknownPresent: 1 }],
    ["an unknown unit that is not", [report("a", "unknown")], state(), { unknownAbsent: 1 }],
    ["an acknowledged unit that is not there", [report("a", "acknowledged")], state(), { lost: 1 }],
    ["a unit that is there twice", [report("a", "acknowledged")], state("a", "a"), { doubled: 1 }],
    ["a refused unit that is there", [report("a", "refused")], state("a"), { unexpected: 1 }],
    ["a unit that nobody reported", [], state("a"), { unexpected: 1 }],
    [
      "a lost update",
      [report("a", "acknowledged"), report("b", "acknowledged")],
      { ...state("a", "b"), counters: [{ id: 1, value: 1, version: 3 }] },
      { mismatchedRows: 1 },
    ],
  ])("knows %s", (_, reports, final, expected) => {
    expect(reconcile(reports, final)).toEqual({ ...nothing, ...expected });
  });
});

describe("the command line of the soak", () => {
  it("has defaults", () => {
    expect(parseOptions([])).toMatchObject({
      ...{ databases: undefined, units: 20_000, rows: [100, 1] },
      ...{ processes: 2, workers: 16, kill: [false, true] },
    });
  });

  it("reads lists and flags", () => {
    expect(parseOptions(["--db", "mariadb,sqlite", "--rows", "7", "--kill"])).toMatchObject({
      ...{ databases: ["mariadb", "sqlite"], rows: [7], kill: [true] },
    });
    expect(parseOptions(["--no-kill"])).toMatchObject({ kill: [false] });
    expect(parseOptions(["--help"])).toBe("help");
  });

  it.each([
    [["--db", "oracle"], /--db must be one of/],
    [["--rows", "5,x"], /--rows must be a whole number/],
    [["--workers", "1"], /--workers must be a whole number from 2/],
    [["--min-delay", "50", "--max-delay", "10"], /--max-delay must be a whole number from 50/],
    [["--kill", "--no-kill"], /--kill and --no-kill/],
    [["--unit", "3"], /Try --help/],
  ])("refuses %j", (args, message) => {
    expect(() => parseOptions(args)).toThrow(UsageError);
    expect(() => parseOptions(args)).toThrow(message);
  });
});
