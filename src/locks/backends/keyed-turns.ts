/** Lets work with the same key take turns: one at a time, first come first served. */
export class KeyedTurns {
  readonly #tails = new Map<unknown, Promise<unknown>>();

  async take<T>(key: unknown, work: () => Promise<T>): Promise<T> {
    const turn = (this.#tails.get(key) ?? Promise.resolve()).then(work);
    const settled = turn.catch(() => undefined);
    this.#tails.set(key, settled);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(key) === settled) this.#tails.delete(key);
    }
  }
}
