/** Lets work on the same connection take turns: one at a time, first come first served. */
export class Turns {
  readonly #tails = new WeakMap<object, Promise<unknown>>();

  /** Runs `work` when all earlier work on `connection` has settled. */
  async take<T>(connection: object, work: () => Promise<T>): Promise<T> {
    const earlier = this.#tails.get(connection);
    const turn = earlier === undefined ? work() : earlier.then(work);
    const settled = turn.catch(() => undefined);
    this.#tails.set(connection, settled);
    try {
      return await turn;
    } finally {
      if (this.#tails.get(connection) === settled) this.#tails.delete(connection);
    }
  }
}
