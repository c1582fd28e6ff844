interface Place<T> {
  readonly item: T;
  ahead: Place<T> | undefined;
  behind: Place<T> | undefined;
}

/** A queue that one can also leave from the middle, at no cost that grows with its length. Nothing is in it twice. */
export class Line<T> {
  readonly #places = new Map<T, Place<T>>();
  #first: Place<T> | undefined;
  #last: Place<T> | undefined;

  get first(): T | undefined {
    return this.#first?.item;
  }

  get last(): T | undefined {
    return this.#last?.item;
  }

  get isEmpty(): boolean {
    return this.#first === undefined;
  }

  has(item: T): boolean {
    return this.#places.has(item);
  }

  /** What stands right before an item of the line. */
  aheadOf(item: T): T | undefined {
    return this.#places.get(item)?.ahead?.item;
  }

  add(item: T): void {
    const place: Place<T> = { item, ahead: this.#last, behind: undefined };
    this.#places.set(item, place);
    if (this.#last === undefined) this.#first = place;
    else this.#last.behind = place;
    this.#last = place;
  }

  remove(item: T): void {
    const place = this.#places.get(item);
    if (place === undefined) return;
    this.#places.delete(item);
    if (place.ahead === undefined) this.#first = place.behind;
    else place.ahead.behind = place.behind;
    if (place.behind === undefined) this.#last = place.ahead;
    else place.behind.ahead = place.ahead;
  }

  takeFirst(): T | undefined {
    const item = this.first;
    if (this.#first !== undefined) this.remove(this.#first.item);
    return item;
  }
}
