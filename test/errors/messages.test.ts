import { OptimisticLockVersionMismatchError } from "typeorm";
import {
  GuardConfigurationError,
  isGuardConfigurationError,
  isMissingTokenError,
  isOptimisticLockError,
  isUncheckedWriteError,
  MissingTokenError,
  OptimisticLockError,
  UncheckedWriteError,
  type Conflict,
} from "typeorm-concurrency";

const conflict = (changes: Partial<Conflict> = {}): Conflict => ({
  entityName: "Product",
  target: "Product",
  id: { id: 7 },
  operation: "update",
  reason: "modified",
  expectedBy: "load",
  expected: { version: 1 },
  actual: { version: 3 },
  entity: { id: 7, secret: "hunter2" },
  ...changes,
});
const gone = conflict({ reason: "deleted", actual: null, operation: "remove", id: { shop: "a", code: 2 } });

describe("an OptimisticLockError", () => {
  it("is TypeORM's error for a version mismatch, by another name", () => {
    const error = new OptimisticLockError([conflict()]);
    expect(error).toBeInstanceOf(OptimisticLockVersionMismatchError);
    expect(error).toMatchObject({ name: "OptimisticLockError", code: "OPTIMISTIC_LOCK", retryable: true });
    expect(Object.isFrozen(error.conflicts)).toBe(true);
  });

  it.each([
    [
      [conflict()],
      "Product {id: 7} has been changed by another writer: the update expected version 1, and the row now holds " +
        "version 3. Nothing of this save was written. Load the entity again, apply the change to what it is now, and save that.",
    ],
    [
      [gone],
      "Product {shop: 'a', code: 2} has been deleted: the remove expected version 1, and there is no such row any more. " +
        "Nothing of this save was written. Load again to see what is left, and insert a new entity if the row should exist.",
    ],
    [
      [conflict({ expectedBy: "caller", expected: { version: 0, price: "1.20", owner: null } })],
      "Product {id: 7} has been changed by another writer: the update expected version 0 and price '1.20' and owner null, " +
        "and the row now holds version 3. Nothing of this save was written. " +
        "Show the current row to whoever named that version, and let them decide again.",
    ],
  ])("says what happened and what to do", (conflicts, message) => {
    expect(new OptimisticLockError(conflicts as [Conflict]).message).toBe(message);
  });

  it("lists a few of many conflicts and counts the others", () => {
    const many = Array.from({ length: 8 }, (_, id) => conflict({ id: { id } })) as [Conflict, ...Conflict[]];
    const { message } = new OptimisticLockError(many);
    expect(message).toContain("Product {id: 4}");
    expect(message).not.toContain("Product {id: 5}");
    expect(message).toContain('3 more rows are in conflict, see "conflicts".');
  });

  it("tells nothing of columns that are not tokens, and cuts long values", () => {
    const expected = { body: "x".repeat(500), at: new Date(0) };
    const { message } = new OptimisticLockError([conflict({ expected })]);
    expect(message).not.toContain("hunter2");
    expect(message).toContain("…");
    expect(message).toContain("1970-01-01T00:00:00.000Z");
    expect(message.length).toBeLessThan(500);
  });

  it("is not retryable as soon as one expectation came from the caller", () => {
    expect(new OptimisticLockError([conflict(), conflict({ expectedBy: "caller" })]).retryable).toBe(false);
  });
});

describe("each error", () => {
  it.each([
    [new OptimisticLockError([conflict()]), isOptimisticLockError, "OPTIMISTIC_LOCK"],
    [new MissingTokenError("Product", { id: 7 }, ["version"]), isMissingTokenError, "MISSING_TOKEN"],
    [new UncheckedWriteError("Product", "cannot be checked."), isUncheckedWriteError, "UNCHECKED_WRITE"],
    [new GuardConfigurationError("wrong"), isGuardConfigurationError, "GUARD_CONFIGURATION"],
  ] as const)("%s is known by its code, also from another copy of the package", (error, guard, code) => {
    expect(error.code).toBe(code);
    expect([guard(error), guard({ ...error, code }), guard(new Error(code)), guard(null)]).toEqual([
      true,
      true,
      false,
      false,
    ]);
  });

  it("names the tokens that are missing, and the way out", () => {
    expect(new MissingTokenError("Product", { id: 7 }, ["version", "price"]).message).toBe(
      "Product {id: 7} cannot be written: its version and price were never loaded, so nothing can tell whether the row is " +
        "still as you read it. Select version and price with the entity or load it whole, or set the value that your " +
        "client was shown before you save.",
    );
  });
});
