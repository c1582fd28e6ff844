import { fieldChanges } from "../../src/conflicts/field-changes";
import { propertyAt, setPropertyAt } from "../../src/conflicts/property-at";
import { decimalText } from "../../src/conflicts/same-value";

const isSame = Object.is;
const nothing = undefined;

// [name, original, current, database, mine, theirs, overlapping]
const cases: readonly (readonly [string, unknown, unknown, unknown, boolean, boolean, boolean])[] = [
  ["nobody has changed", 1, 1, 1, false, false, false],
  ["I have changed", 1, 2, 1, true, false, false],
  ["they have changed", 1, 1, 2, false, true, false],
  ["both have changed to the same", 1, 2, 2, true, true, false],
  ["both have changed to different things", 1, 2, 3, true, true, true],
  ["I have emptied", 1, null, 1, true, false, false],
  ["they have emptied", 1, 1, null, false, true, false],
  ["I have emptied and they have changed", 1, null, 2, true, true, true],
  ["both have emptied", 1, null, null, true, true, false],
  ["was empty and I have filled with zero", null, 0, null, true, false, false],
  ["was zero and they have emptied", 0, 0, null, false, true, false],
  ["was empty text and I have made false", "", false, "", true, false, false],
  ["I say nothing of", 1, nothing, 1, false, false, false],
  ["I say nothing of and they have changed", 1, nothing, 2, false, true, false],
  ["was never loaded and I say nothing of", nothing, nothing, 2, false, false, false],
  ["was never loaded and I have like the row", nothing, 2, 2, true, false, false],
  ["was never loaded and I have otherwise than the row", nothing, 1, 2, true, true, true],
  ["was never loaded and I have emptied", nothing, null, 2, true, true, true],
];

describe("who has changed a field", () => {
  it.each(cases)(
    "that %s",
    (_name, original, current, database, ...[isMine, isTheirs, isOverlapping]: boolean[]) => {
      const at = (is: boolean | undefined): string[] => (is ? ["a"] : []);
      expect(fieldChanges([{ path: "a", original, current, database, isSame }], true)).toEqual({
        mine: at(isMine),
        theirs: at(isTheirs),
        overlapping: at(isOverlapping),
      });
    },
  );

  it("is only me where the row is gone", () => {
    const fields = [
      { path: "a", original: 1, current: 2, database: undefined, isSame },
      { path: "b", original: undefined, current: 2, database: undefined, isSame },
    ];
    expect(fieldChanges(fields, false)).toEqual({ mine: ["a", "b"], theirs: [], overlapping: [] });
  });
});

describe("a decimal's shortest spelling", () => {
  it.each([
    ["1.50", "1.5"],
    [1.5, "1.5"],
    ["01.5", "1.5"],
    [".5", "0.5"],
    ["-0.00", "0"],
    ["100", "100"],
    ["100.0", "100"],
    [10n, "10"],
    ["+7", "7"],
    ["-7.10", "-7.1"],
    ["12345678901234567890.10", "12345678901234567890.1"],
    ["", undefined],
    [".", undefined],
    ["1e3", undefined],
    ["one", undefined],
    [null, undefined],
    [true, undefined],
  ])("of %p is %p", (value, text) => expect(decimalText(value)).toBe(text));
});

describe("the value at a path", () => {
  it("is found in embedded objects and not beyond what is not there", () => {
    expect(propertyAt({ address: { city: "Bonn" } }, "address.city")).toBe("Bonn");
    expect(propertyAt({ address: null }, "address.city")).toBeUndefined();
    expect(propertyAt({}, "address.city")).toBeUndefined();
    expect(propertyAt(undefined, "city")).toBeUndefined();
  });

  it("wakes no lazy relation and waits for no promise", () => {
    const lazy = {};
    let woken = 0;
    Object.defineProperty(lazy, "owner", { get: () => ++woken, configurable: true });
    expect(propertyAt(lazy, "owner")).toBeUndefined();
    Object.assign(lazy, { __owner__: null });
    expect(propertyAt(lazy, "owner")).toBeNull();
    expect(propertyAt({ owner: Promise.resolve(1) }, "owner")).toBeUndefined();
    expect(woken).toBe(0);
  });

  it("is set with the objects on the way to it", () => {
    const object = { address: { zip: "1" } };
    setPropertyAt(object, "address.city", "Bonn");
    setPropertyAt(object, "size.width.inside", 5);
    expect(object).toEqual({ address: { zip: "1", city: "Bonn" }, size: { width: { inside: 5 } } });
  });
});
