import { Line } from "./line";
import type { Turn } from "./turn";

/**
 * The turns under one key of an actor.
 *
 * An outermost run queues, is called when it is next, and only then begins its unit of work: it takes a connection and
 * enters. A run inside another one has that one's connection already, so it enters at once, before those who have none:
 * they may be waiting for that very connection. Whoever enters waits for the one who is inside.
 */
export class Lane {
  readonly #queue = new Line<Turn>();
  readonly #entering = new Line<Turn>();
  #called: Turn | undefined;
  #inside: Turn | undefined;

  /** @param onUnused called whenever the last turn has left. */
  constructor(private readonly onUnused: () => void) {}

  isCalled(turn: Turn): boolean {
    return this.#called === turn;
  }

  isInside(turn: Turn): boolean {
    return this.#inside === turn;
  }

  /** Queues a turn, to be called. */
  queue(turn: Turn): void {
    this.#queue.add(turn);
    this.#goOn();
  }

  /** Lets a turn in as soon as nobody is inside. */
  enter(turn: Turn): void {
    if (this.#inside === turn || this.#entering.has(turn)) return;
    this.#entering.add(turn);
    this.#goOn();
  }

  /** Takes a turn out that was called, and will enter again. */
  exit(turn: Turn): void {
    if (this.#inside === turn) this.#inside = undefined;
    this.#entering.remove(turn);
    this.#goOn();
  }

  /** Takes a turn out for good, wherever it stands. */
  leave(turn: Turn): void {
    if (this.#called === turn) this.#called = undefined;
    this.#queue.remove(turn);
    this.exit(turn);
    if (this.#called === undefined && this.#inside === undefined && this.#queue.isEmpty) this.onUnused();
  }

  /** The turns that have to end before a turn can go on. */
  *before(turn: Turn): Iterable<Turn> {
    if (this.#inside === turn) return;
    if (this.#entering.has(turn)) {
      yield* existing(this.#inside, this.#entering.aheadOf(turn));
    } else if (this.#called !== turn) {
      yield* existing(this.#inside, this.#called, this.#queue.aheadOf(turn), this.#entering.last);
    }
  }

  #goOn(): void {
    if (this.#inside === undefined) {
      this.#inside = this.#entering.takeFirst();
      this.#inside?.first?.wake();
    }
    // Not while somebody is inside, for it would hold a connection while it waits. But when others wait to enter, they
    // would go before it again and again.
    const mayCall = this.#inside === undefined || !this.#entering.isEmpty;
    if (this.#called !== undefined || !mayCall) return;
    this.#called = this.#queue.takeFirst();
    this.#called?.first?.wake();
  }
}

function existing(...turns: readonly (Turn | undefined)[]): Turn[] {
  return turns.filter((turn) => turn !== undefined);
}
