import { isCircular, type Waiter } from "../../src/sharing/circular-wait";

/** One waiter for each name of a table of who waits for whom. */
function waitersOf(table: Readonly<Record<string, string>>): (name: string) => Waiter {
  const waiters = new Map<string, Waiter>();
  const named = (name: string): Waiter => {
    const waiter = waiters.get(name) ?? { waitsFor: () => [...(table[name] ?? "")].map(named) };
    waiters.set(name, waiter);
    return waiter;
  };
  return named;
}

describe("a wait", () => {
  it.each([
    ["for nobody", { a: "" }, false],
    ["for one who waits for nobody", { a: "b" }, false],
    ["for itself", { a: "a" }, true],
    ["for one who waits for it", { a: "b", b: "a" }, true],
    ["over several others", { a: "b", b: "c", c: "d", d: "a" }, true],
    ["by the second of several waits", { a: "bc", b: "", c: "de", d: "", e: "a" }, true],
    ["for the same one on two ways", { a: "bc", b: "d", c: "d", d: "e" }, false],
    ["for a circle of others", { a: "b", b: "c", c: "b" }, true],
    ["for one beside a circle that it does not reach", { a: "b", c: "da", d: "c" }, false],
    ["for one whose end was already looked at on another way", { a: "bc", b: "d", d: "e", c: "ea" }, true],
  ])("%s", (_, table, expected) => {
    expect(isCircular(waitersOf(table)("a"))).toBe(expected);
  });

  it("is followed through a long queue", () => {
    const queue: Waiter[] = [{ waitsFor: () => [] }];
    for (let index = 1; index < 20_000; index++) queue.push({ waitsFor: () => [queue[index - 1]!] });
    expect(isCircular(queue.at(-1)!)).toBe(false);
    queue[0] = { waitsFor: () => [queue.at(-1)!] };
    expect(isCircular(queue.at(-1)!)).toBe(true);
  });
});
