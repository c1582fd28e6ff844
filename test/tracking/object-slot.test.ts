import { runInNewContext } from "node:vm";
import { setFlagsFromString } from "node:v8";
import { isDeepStrictEqual } from "node:util";
import { objectSlot } from "../../src/tracking/object-slot";

class Entity {
  readonly #secret = 1;
  name = "a";
  reveal(): number {
    return this.#secret;
  }
}

describe("a slot in objects", () => {
  const kinds: Record<string, () => object> = {
    "a plain object": () => ({}),
    "an object without a prototype": () => Object.create(null) as object,
    "an instance with private fields of its own": () => new Entity(),
    "a frozen object": () => Object.freeze({ name: "a" }),
    "a sealed object": () => Object.seal({ name: "a" }),
    "a proxy": () => new Proxy(new Entity(), {}),
    "an array": () => [],
    "a function": () => () => undefined,
  };

  it.each(Object.entries(kinds))("keeps a value for %s", (_, make) => {
    const slot = objectSlot<string>();
    const object = make();
    expect(slot.get(object)).toBeUndefined();
    slot.set(object, "one");
    expect(slot.get(object)).toBe("one");
    slot.set(object, "two");
    expect(slot.get(object)).toBe("two");
    expect(slot.get(make())).toBeUndefined();
    slot.set(object, undefined);
    expect(slot.get(object)).toBeUndefined();
    slot.set(object, "three");
    expect(slot.get(object)).toBe("three");
  });

  it("is one of many", () => {
    const [one, two] = [objectSlot<string>(), objectSlot<string>()];
    const object = {};
    one.set(object, "one");
    expect(two.get(object)).toBeUndefined();
    two.set(object, "two");
    expect([one.get(object), two.get(object)]).toEqual(["one", "two"]);
  });

  it("keeps the value of an object that is frozen afterwards", () => {
    const slot = objectSlot<string>();
    const object = {};
    slot.set(object, "before");
    Object.freeze(object);
    slot.set(object, "after");
    expect(slot.get(object)).toBe("after");
  });

  it("is seen by nobody", () => {
    const slot = objectSlot<object>();
    const entity = new Entity();
    slot.set(entity, { some: "thing" });
    expect(Reflect.ownKeys(entity)).toEqual(["name"]);
    expect(JSON.stringify(entity)).toBe('{"name":"a"}');
    expect({ ...entity }).toEqual({ name: "a" });
    expect(isDeepStrictEqual(entity, new Entity())).toBe(true);
    expect(entity.reveal()).toBe(1);
    expect(slot.get(structuredClone({ ...entity }))).toBeUndefined();
  });

  it.each([false, true])("lets go of what nobody else has (frozen: %s)", async (isFrozen) => {
    setFlagsFromString("--expose-gc");
    const collect = runInNewContext("gc") as () => void;
    const slot = objectSlot<object>();
    const [object, value] = ((): [WeakRef<object>, WeakRef<object>] => {
      const one = isFrozen ? Object.freeze({}) : {};
      const other = { of: one };
      slot.set(one, other);
      return [new WeakRef(one), new WeakRef(other)];
    })();
    // What was just used is kept until the end of the job.
    await new Promise((resolve) => setImmediate(resolve));
    collect();
    expect([object.deref(), value.deref()]).toEqual([undefined, undefined]);
  });
});
