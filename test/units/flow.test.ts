import { findAnyFlow, findFlow, Flow } from "../../src/guarding/flow";
import { Latch } from "../support/latch";

class Outer extends Flow {}
class Inner extends Flow {}
class Missed extends Flow {
  override readonly isMissed = true;
}

const owner = {};

function flowsAround(): number {
  let count = 0;
  findAnyFlow(owner, Flow, () => {
    count++;
    return false;
  });
  return count;
}

it("is found by what is called in it, by kind and owner, and not once it is over", async () => {
  const gate = new Latch();
  let left!: Promise<unknown>;
  const outer = new Outer(owner);
  await outer.run(async () => {
    expect(findFlow(owner, Outer)).toBe(outer);
    expect(findFlow({}, Outer)).toBeUndefined();
    await new Inner(owner).run(async () => {
      expect(findFlow(owner, Outer)).toBe(outer);
      return Promise.resolve();
    });
    expect(findFlow(owner, Inner)).toBeUndefined();
    left = gate.opened.then(() => findFlow(owner, Outer));
  });
  gate.open();
  expect(await left).toBeUndefined();
});

it.each([
  ["of a kind that nobody misses", Outer],
  ["of a kind that is missed", Missed],
])("does not make a chain when each is begun in the one before it, %s", async (_, Kind) => {
  let deepest = 0;
  await new Promise<void>((resolve) => {
    const begin = (number: number): void => {
      if (number === 50) {
        resolve();
        return;
      }
      void new Kind(owner).run(async () => {
        deepest = Math.max(deepest, flowsAround());
        // When this one is over.
        setImmediate(() => begin(number + 1));
        return Promise.resolve();
      });
    };
    begin(0);
  });
  expect(deepest).toBe(1);
});

it("does not make a chain when each is begun just before the one before it ends", async () => {
  const depths: number[] = [];
  await new Promise<void>((resolve) => {
    const begin = (number: number): void => {
      void new Outer(owner).run(async () => {
        await new Promise(setImmediate);
        depths.push(flowsAround());
        if (number === 50) resolve();
        else begin(number + 1);
      });
    };
    begin(0);
  });
  expect(Math.max(...depths)).toBe(1);
});
