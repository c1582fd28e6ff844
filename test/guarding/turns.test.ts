import { Turns } from "../../src/guarding/turns";
import { Latch } from "../support/latch";

describe("turns", () => {
  it("runs the work of one connection one at a time, first come first served, whatever fails", async () => {
    const turns = new Turns();
    const connection = {};
    const happened: string[] = [];
    const gate = new Latch();
    const first = turns.take([connection], async () => {
      happened.push("first begins");
      await gate.opened;
      happened.push("first fails");
      throw new Error("first");
    });
    const second = turns.take([connection], async () => {
      happened.push("second");
      return Promise.resolve(2);
    });
    const third = turns.take([connection], async () => Promise.resolve(happened.push("third")));
    await turns.take([{}], async () => Promise.resolve(happened.push("another connection")));
    gate.open();
    await expect(first).rejects.toThrow("first");
    expect(await second).toBe(2);
    await third;
    expect(happened).toEqual(["first begins", "another connection", "first fails", "second", "third"]);
  });
});
