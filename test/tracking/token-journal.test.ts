import type { QueryRunner } from "typeorm";
import { TokenJournal } from "../../src/tracking/token-journal";

/** Runs steps like "begin", "note a", "commit", "rollback" and tells what was restored, in order. */
function restoredBy(...steps: readonly string[]): string[] {
  const journal = new TokenJournal();
  const queryRunner = {} as QueryRunner;
  const restored: string[] = [];
  for (const step of steps) {
    const [action, name = ""] = step.split(" ");
    if (action === "begin") journal.begin(queryRunner);
    else if (action === "commit") journal.commit(queryRunner);
    else if (action === "rollback") journal.rollback(queryRunner);
    else journal.record(queryRunner, () => restored.push(name));
  }
  return restored;
}

describe("the journal", () => {
  it.each([
    ["nothing of a transaction that is committed", ["begin", "note a", "commit", "rollback"], []],
    ["all of one that is rolled back, latest first", ["begin", "note a", "note b", "rollback"], ["b", "a"]],
    ["only the savepoint's part", ["begin", "note a", "begin", "note b", "rollback", "commit"], ["b"]],
    [
      "a released savepoint's part with the rest",
      ["begin", "note a", "begin", "note b", "commit", "rollback"],
      ["b", "a"],
    ],
    ["nothing that was noted outside a transaction", ["note a", "begin", "rollback"], []],
    ["nothing twice", ["begin", "note a", "rollback", "rollback", "begin", "rollback"], ["a"]],
  ])("restores %s", (_name, steps, restored) => {
    expect(restoredBy(...steps)).toEqual(restored);
  });
});
