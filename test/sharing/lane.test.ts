import { type Lane } from "../../src/sharing/lane";
import { Lanes } from "../../src/sharing/lanes";
import { Line } from "../../src/sharing/line";
import { Turn } from "../../src/sharing/turn";

describe("a line", () => {
  it("is left from its beginning, its middle and its end", () => {
    const line = new Line<string>();
    for (const item of ["a", "b", "c", "d", "e"]) line.add(item);
    line.remove("c");
    expect([line.aheadOf("d"), line.aheadOf("a")]).toEqual(["b", undefined]);
    line.remove("e");
    line.remove("a");
    line.remove("a");
    expect([line.first, line.last, line.has("c"), line.has("d")]).toEqual(["b", "d", false, true]);
    expect([line.takeFirst(), line.takeFirst(), line.takeFirst(), line.isEmpty]).toEqual([
      ...["b", "d", undefined],
      true,
    ]);
    line.add("f");
    expect([line.first, line.last]).toEqual(["f", "f"]);
  });
});

describe("a lane", () => {
  const lanes = new Lanes();
  let lane: Lane;
  let woken: Turn[];

  function turn(): Turn {
    const made = new Turn({ hasSettled: false, waitsFor: () => [] });
    made.add({ wake: () => woken.push(made), waitsFor: () => [] });
    return made;
  }
  const [a, b, c, d] = [turn(), turn(), turn(), turn()];

  beforeEach(() => {
    woken = [];
    lane = lanes.of("key");
  });
  afterEach(() => {
    for (const each of [a, b, c, d]) lane.leave(each);
    expect(lanes.size).toBe(0);
  });

  it("calls one after the other, and the next only when the last has left", () => {
    for (const each of [a, b, c]) lane.queue(each);
    lane.enter(a);
    expect(woken).toEqual([a, a]);
    expect([[...lane.before(b)], [...lane.before(c)]]).toEqual([
      [a, a],
      [a, a, b],
    ]);
    lane.exit(a);
    expect(woken).toEqual([a, a]);
    lane.enter(a);
    lane.leave(b);
    lane.leave(a);
    expect([lane.isCalled(c), [...lane.before(c)], woken.slice(2)]).toEqual([true, [], [a, c]]);
  });

  it("lets in those who enter before one who was called and has not entered", () => {
    lane.queue(a);
    lane.queue(b);
    lane.enter(c);
    lane.enter(a);
    lane.enter(d);
    expect([[...lane.before(a)], [...lane.before(d)]]).toEqual([[c], [c, a]]);
    lane.leave(c);
    expect(lane.isInside(a)).toBe(true);
    lane.exit(a);
    expect([lane.isInside(d), lane.isCalled(a), lane.isCalled(b)]).toEqual([true, true, false]);
  });

  it("calls the next while others enter one after the other, so that it is not always behind them", () => {
    lane.enter(a);
    lane.queue(b);
    expect(lane.isCalled(b)).toBe(false);
    lane.enter(c);
    expect(lane.isCalled(b)).toBe(true);
    lane.enter(b);
    lane.enter(d);
    lane.leave(a);
    lane.leave(c);
    expect(lane.isInside(b)).toBe(true);
  });

  it("is another one for each key, forgotten when nobody uses it", () => {
    const turns = [1, "1", NaN, undefined, null].map((key) => ({ key, turn: turn() }));
    for (const { key, turn: each } of turns) lanes.of(key).queue(each);
    lane.queue(a);
    expect(lanes.size).toBe(6);
    for (const { key, turn: each } of turns) lanes.of(key).leave(each);
    expect(lanes.size).toBe(1);
  });
});
