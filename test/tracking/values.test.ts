import { copyValue, uncopyable } from "../../src/tracking/value-copy";
import { isSameValue } from "../../src/tracking/value-equality";

class Money {
  constructor(readonly cents: number) {}
}

const same: readonly (readonly [string, unknown, unknown])[] = [
  ["not-a-number", NaN, NaN],
  ["dates of one instant", new Date(5), new Date(5)],
  ["a buffer and a byte array", Buffer.from([1, 2]), new Uint8Array([1, 2])],
  ["objects with their keys in another order", { a: 1, b: { c: [2] } }, { b: { c: [2] }, a: 1 }],
  ["a bigint and its decimal text", 9007199254740993n, "9007199254740993"],
  ["a bigint and a number", 5n, 5],
];
const different: readonly (readonly [string, unknown, unknown])[] = [
  ["zero and null", 0, null],
  ["zero and an empty text", 0, ""],
  ["false and null", false, null],
  ["null and undefined", null, undefined],
  ["dates a millisecond apart", new Date(5), new Date(6)],
  ["buffers", Buffer.from([1]), Buffer.from([2])],
  ["lists in another order", [1, 2], [2, 1]],
  ["an object with one key more", { a: 1 }, { a: 1, b: undefined }],
  ["a number and its text", 1, "1"],
];

describe("values are the same", () => {
  it.each(same)("for %s", (_name, left, right) => {
    expect([isSameValue(left, right), isSameValue(right, left)]).toEqual([true, true]);
  });
  it.each(different)("but not for %s", (_name, left, right) => {
    expect([isSameValue(left, right), isSameValue(right, left)]).toEqual([false, false]);
  });
});

describe("a copy of a value", () => {
  it.each([
    ["a date", new Date(5), (value: Date) => value.setTime(9)],
    ["bytes", Buffer.from([1]), (value: Buffer) => value.fill(9)],
    [
      "a list in an object",
      { a: [{ b: 1 }] },
      (value: { a: { b: number }[] }) => ((value.a[0] as { b: number }).b = 9),
    ],
    [
      "an object without prototype",
      Object.assign(Object.create(null), { a: 1 }) as object,
      (value: object) => Object.assign(value, { a: 2 }),
    ],
  ])("is out of reach of later edits of %s", (_name, value, edit) => {
    const copy = copyValue(value);
    const before = JSON.stringify(copy);
    (edit as (value: unknown) => unknown)(value);
    expect(JSON.stringify(copy)).toBe(before);
    expect(JSON.stringify(value)).not.toBe(before);
  });

  it.each([[0], [""], [false], [null], [undefined]])("is the value itself for %p", (value) => {
    expect(copyValue(value)).toBe(value);
  });

  it.each([
    ["an object of a class", new Money(5)],
    ["one inside a list", [1, [new Money(5)]]],
    ["one inside an object", { price: new Money(5) }],
    ["a function", () => 5],
  ])("cannot be had of %s", (_name, value) => {
    expect(copyValue(value)).toBe(uncopyable);
  });
});
