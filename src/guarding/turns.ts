/** Lets work that shares something take turns: one at a time, first come first served. */
export class Turns {
  // Each is taken out when it has settled.
  readonly #tails = new Map<object, Promise<unknown>>();

  /** Runs `work` when all earlier work that shares one of these objects has settled, and tells it whether it waited. */
  take<T>(shared: readonly object[], work: (hasWaited: boolean) => Promise<T>): Promise<T> {
    if (shared.length === 0) return work(false);
    const earlier = shared.flatMap((object) => this.#tails.get(object) ?? []);
    const turn = earlier.length === 0 ? work(false) : Promise.all(earlier).then(() => work(true));
    const leave = (): void => {
      for (const object of shared) if (this.#tails.get(object) === settled) this.#tails.delete(object);
    };
    const settled = turn.then(leave, leave);
    for (const object of shared) this.#tails.set(object, settled);
    return turn;
  }
}
