// A class that extends it gives its private fields to whatever object it is constructed with.
const Given = function (object: object) {
  return object;
} as unknown as new (object: object) => object;

/** One value per object, which lives as long as the object does. */
export interface ObjectSlot<V> {
  get(object: object): V | undefined;
  /** Undefined takes the value out. */
  set(object: object, value: V | undefined): void;
}

/**
 * Makes a place for values in objects themselves, in a private field, which nothing else can see: it is in no list of
 * properties, and no copy has it. A WeakMap does the same and takes several times the memory and the time, most of it in
 * garbage collection; it is used for objects that are not extensible, which newer engines give no private fields either.
 */
export function objectSlot<V>(): ObjectSlot<V> {
  const others = new WeakMap<object, V>();
  return class Slot extends Given {
    #value: V | undefined;

    static get(object: object): V | undefined {
      return #value in object ? object.#value : others.get(object);
    }

    static set(object: object, value: V | undefined): void {
      if (#value in object) object.#value = value;
      else if (value === undefined) others.delete(object);
      else if (Object.isExtensible(object)) new Slot(object).#value = value;
      else others.set(object, value);
    }
  };
}
