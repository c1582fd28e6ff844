import { onAbort } from "../events/on-abort";

/**
 * Those of one process who wait for keys of one backend, in the order in which they came. Who is next is the backend's to
 * say; this only spares them the rest of the time until they would look again.
 */
export class WaitingRoom {
  readonly #places = new Set<WaitingPlace>();

  enter(keys: Iterable<string>): WaitingPlace {
    const place = new WaitingPlace(this, new Set(keys));
    this.#places.add(place);
    return place;
  }

  leave(place: WaitingPlace): void {
    this.#places.delete(place);
    this.wake(place.keys);
  }

  /** Whether nobody who came before wants one of the same keys. */
  isFirst(place: WaitingPlace): boolean {
    for (const other of this.#places) {
      if (other === place) break;
      if (overlaps(other.keys, place.keys)) return false;
    }
    return true;
  }

  /** Wakes those who may have come to their turn: who waits for one of these keys, and nobody before him for his. */
  wake(freed: Iterable<string>): void {
    if (this.#places.size === 0) return;
    const wanted = new Set(freed);
    const ahead = new Set<string>();
    for (const place of this.#places) {
      const { keys } = place;
      if (overlaps(keys, wanted) && !overlaps(keys, ahead)) place.wake();
      for (const key of keys) ahead.add(key);
    }
  }

  wakeAll(): void {
    for (const place of this.#places) place.wake();
  }
}

/** A place in a {@link WaitingRoom}. */
export class WaitingPlace {
  #isDue = false;
  #onWake: (() => void) | undefined;

  constructor(
    private readonly room: WaitingRoom,
    readonly keys: ReadonlySet<string>,
  ) {}

  get isFirst(): boolean {
    return this.room.isFirst(this);
  }

  leave(): void {
    this.room.leave(this);
  }

  wake(): void {
    this.#isDue = true;
    this.#onWake?.();
  }

  /**
   * Waits until it is woken, or `delayMs` have passed.
   *
   * @throws the signal's reason.
   */
  async wait(delayMs: number, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    if (!this.#isDue) {
      await new Promise<void>((resolve, reject) => {
        const settle = (how: () => void): void => {
          clearTimeout(timer);
          stopListening();
          this.#onWake = undefined;
          how();
        };
        const timer = setTimeout(() => settle(resolve), delayMs);
        const stopListening = onAbort(signal, () => settle(() => reject(signal?.reason as Error)));
        this.#onWake = () => settle(resolve);
      });
    }
    this.#isDue = false;
  }
}

function overlaps(left: ReadonlySet<string>, right: ReadonlySet<string>): boolean {
  const [small, large] = left.size < right.size ? [left, right] : [right, left];
  for (const key of small) if (large.has(key)) return true;
  return false;
}
