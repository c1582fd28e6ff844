import { types } from "node:util";

type Items<T> = Iterable<T> | AsyncIterable<T>;

/** Whether `for … of` or `for await … of` could go over a value. */
export function isIterable(value: unknown): value is Items<unknown> {
  return (
    isAsyncIterable(value) ||
    typeof (Object(value) as Partial<Iterable<unknown>>)[Symbol.iterator] === "function"
  );
}

function isAsyncIterable<T>(value: unknown): value is AsyncIterable<T> {
  return typeof (Object(value) as Partial<AsyncIterable<T>>)[Symbol.asyncIterator] === "function";
}

/** How many items there are, of what knows it without going over them. */
export function countOf(items: unknown): number | undefined {
  if (Array.isArray(items)) return items.length;
  return types.isSet(items) || types.isMap(items) ? items.size : undefined;
}

/** Items that are asked for one at a time. */
export class ItemSource<T> {
  readonly #iterator: Iterator<T> | AsyncIterator<T>;
  #state: "open" | "asked" | "over" = "open";

  constructor(items: Items<T>) {
    this.#iterator = isAsyncIterable<T>(items) ? items[Symbol.asyncIterator]() : items[Symbol.iterator]();
  }

  /** The next item, or undefined when there are no more. It must not be asked again before it has answered. */
  async next(): Promise<{ readonly value: T } | undefined> {
    this.#state = "asked";
    try {
      const answer = await this.#iterator.next();
      this.#state = answer.done === true ? "over" : "open";
      return answer.done === true ? undefined : { value: answer.value };
    } catch (error) {
      this.#state = "over";
      throw error;
    }
  }

  /**
   * Tells the iterator that nobody will ask any more, unless it has ended itself. Not waited for when it still owes an
   * answer: a generator closes only after that. Its failure to close is nobody's business any more.
   */
  async close(): Promise<void> {
    if (this.#state === "over") return;
    const isAsked = this.#state === "asked";
    this.#state = "over";
    const closed = (async () => this.#iterator.return?.())().catch(() => undefined);
    if (!isAsked) await closed;
  }
}
