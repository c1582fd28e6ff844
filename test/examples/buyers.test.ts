import { runDemo } from "../../examples/buyers/demo";
import { parseOptions } from "../../examples/buyers/options";
import { tableOf } from "../../examples/buyers/table";
import type { Outcome } from "../../examples/buyers/tally";

const purchases = 8 * 5;

describe("the demo of many buyers", () => {
  let bare: Outcome, guarded: Outcome, again: Outcome;
  const shown = new Map<string, number>();

  beforeAll(async () => {
    const progress = {
      show: (what: string, done: number) => void shown.set(what, done),
      clear: () => {},
    };
    const options = { db: "sqlite", buyers: 8, rows: 2, purchases: 5 } as const;
    [bare, guarded, again] = (await runDemo(options, progress)) as [Outcome, Outcome, Outcome];
  });

  it("loses writes with bare TypeORM, which acknowledges them all", () => {
    expect(bare).toMatchObject({ attempted: purchases, acknowledged: purchases, refused: 0 });
    expect(bare.lost).toBeGreaterThan(0);
  });

  it("loses none with the guard, which refuses the stale ones", () => {
    expect(guarded).toMatchObject({ attempted: purchases, lost: 0 });
    expect(guarded.refused).toBeGreaterThan(0);
    expect(guarded.acknowledged + guarded.refused).toBe(guarded.attempted);
  });

  it("brings every purchase into the rows when the refused ones are tried again", () => {
    expect(again).toMatchObject({ acknowledged: purchases, inTheRows: purchases, lost: 0 });
    expect(again.acknowledged + again.refused).toBe(again.attempted);
  });

  it("reports its progress up to the last purchase", () => {
    expect(Object.fromEntries(shown)).toEqual({
      "bare TypeORM": purchases,
      guarded: purchases,
      "guarded, tried again": purchases,
    });
  });

  it("prints one line for each way", () => {
    expect(tableOf([bare, guarded, again]).split("\n")).toEqual([
      expect.stringContaining("lost"),
      expect.stringMatching(/^bare TypeORM /),
      expect.stringMatching(/^guarded /),
      expect.stringMatching(/^guarded, tried again /),
    ]);
  });

  it("stops when it is told to", async () => {
    const options = { db: "sqlite", buyers: 2, rows: 1, purchases: 10_000 } as const;
    const stop = new AbortController();
    const progress = { show: () => stop.abort(), clear: () => {} };
    await expect(runDemo(options, progress, stop.signal)).rejects.toMatchObject({ name: "AbortError" });
  });
});

describe("the demo's command line", () => {
  it("has defaults", () => {
    expect(parseOptions([])).toEqual({ db: "sqlite", buyers: 20, rows: 5, purchases: 10 });
  });

  it("takes every option", () => {
    const args = ["--db", "postgres", "--buyers=3", "--rows", "2", "--purchases", "1"];
    expect(parseOptions(args)).toEqual({ db: "postgres", buyers: 3, rows: 2, purchases: 1 });
  });

  it("knows when help is asked for", () => {
    expect(parseOptions(["--help"])).toBe("help");
  });

  it.each([
    [["--db", "oracle"], '--db must be one of sqlite, postgres, mariadb, not "oracle".'],
    [["--buyers", "0"], '--buyers must be a whole number from 1 to 80, not "0".'],
    [["--rows", "many"], '--rows must be a whole number from 1 to 1000, not "many".'],
    [["--purchases", "1.5"], '--purchases must be a whole number from 1 to 10000, not "1.5".'],
    [["--sellers", "1"], /'--sellers'.*Try --help\./s],
    [["--buyers"], /argument missing.*Try --help\./s],
  ])("refuses %j with a sentence", (args, message) => {
    expect(() => parseOptions(args)).toThrow(message);
  });
});
