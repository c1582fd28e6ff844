import { Lane } from "./lane";

/** The lanes of an actor by their keys, as long as somebody uses them. */
export class Lanes {
  readonly #lanes = new Map<unknown, Lane>();

  get size(): number {
    return this.#lanes.size;
  }

  /** The lane of a key, compared as a Map does; to be used at once, or it is never forgotten. */
  of(key: unknown): Lane {
    let lane = this.#lanes.get(key);
    if (lane === undefined) {
      lane = new Lane(() => this.#lanes.delete(key));
      this.#lanes.set(key, lane);
    }
    return lane;
  }
}
