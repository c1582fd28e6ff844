import { findFlow, Flow } from "../guarding/flow";
import type { Guard } from "../guarding/guard";
import { onAbort } from "../events/on-abort";
import { isCircular, type Waiter } from "./circular-wait";
import type { Lane } from "./lane";
import { Turn, type TurnMember, type TurnOwner } from "./turn";

// One for the runs of all actors, so that those that wait for each other are found.
const serialCalls = {};

/** The innermost run of any actor that the running code is in. */
export function currentCall(): SerialCall | undefined {
  return findFlow(serialCalls, SerialCall);
}

/** One run of a serial actor, from when it was called until it has settled. */
export class SerialCall extends Flow implements TurnMember, TurnOwner {
  hasSettled = false;
  /** The run whose unit of work it takes part in: itself, or one around it. */
  readonly outermost: SerialCall;
  #parent = currentCall();
  #endInParent: (() => void) | undefined;
  /** What has to end before it can. */
  readonly #begun = new Set<Waiter>();
  /** The turns of the runs that take part in its unit of work, its own first. */
  readonly #turns = new Map<Lane, Turn>();
  #place: { readonly lane: Lane; readonly turn: Turn } | undefined;
  #isWorking = false;
  #wake: (() => void) | undefined;

  constructor(
    readonly actor: object,
    private readonly guard: Guard,
  ) {
    super(serialCalls);
    this.outermost = this.#around().findLast((call) => call.guard === guard && call.#isWorking) ?? this;
  }

  /** Whether it was called in a run of any actor. */
  get isNested(): boolean {
    return this.#parent !== undefined;
  }

  /** Whether it was called in a run of an actor. */
  isWithin(actor: object): boolean {
    return this.#around().some((call) => call.actor === actor);
  }

  /** Takes its place among the runs of its key. */
  lineUp(lane: Lane): void {
    const { outermost } = this;
    const turn = outermost.#turns.get(lane) ?? new Turn(outermost);
    outermost.#turns.set(lane, turn);
    turn.add(this);
    this.#place = { lane, turn };
    this.#endInParent = this.#parent?.begin(this);
    if (outermost === this) lane.queue(turn);
    else lane.enter(turn);
  }

  /** Whether somebody waits for it who has to end before it can go on. */
  get waitsForItself(): boolean {
    return this.#place !== undefined && isCircular(this.#place.turn);
  }

  /**
   * Waits until it may begin: an outermost run its unit of work, another one its work.
   *
   * @throws the signal's reason.
   */
  async turnToBegin(signal: AbortSignal | undefined): Promise<void> {
    const { lane, turn } = this.#placed;
    await this.#until(
      () => (this.outermost === this ? lane.isCalled(turn) : lane.isInside(turn) && turn.first === this),
      signal,
    );
  }

  /**
   * Waits until its work may begin, in each run of its unit of work. Only for an outermost one.
   *
   * @param refuse called when that would wait for itself; throws.
   * @throws the signal's reason.
   */
  async enter(signal: AbortSignal | undefined, refuse: () => never): Promise<void> {
    const { lane, turn } = this.#placed;
    lane.enter(turn);
    if (!lane.isInside(turn) && this.waitsForItself) refuse();
    await this.#until(() => lane.isInside(turn), signal);
    this.#isWorking = true;
  }

  /** A run of its unit of work has failed. Nothing of it is left, so others may go before the next one. */
  exit(): void {
    this.#isWorking = false;
    for (const [lane, turn] of this.#turns) {
      if (turn === this.#place?.turn) lane.exit(turn);
      else this.#leaveUnused(lane, turn);
    }
  }

  /** It has settled, or was refused. */
  settle(): void {
    this.hasSettled = true;
    this.#isWorking = false;
    this.#endInParent?.();
    // Whoever has called it may wait for what it has left running.
    for (const left of this.#begun) {
      if (!(left instanceof SerialCall)) continue;
      left.#parent = this.#parent;
      left.#endInParent = this.#parent?.begin(left);
    }
    const { lane, turn } = this.#placed;
    turn.remove(this);
    this.outermost.#leaveUnused(lane, turn);
    for (const [other, its] of this.#turns) this.#leaveUnused(other, its);
    if (lane.isInside(turn)) turn.first?.wake();
  }

  /** Notes something that was called in it, and that it cannot end before. @returns notes that it is over. */
  begin(waiter: Waiter): () => void {
    this.#begun.add(waiter);
    return () => this.#begun.delete(waiter);
  }

  *waitsFor(): Iterable<Waiter> {
    yield* this.#begun;
    if (this.#place === undefined) return;
    const { lane, turn } = this.#place;
    const ahead = turn.aheadOf(this);
    if (ahead === undefined) yield* lane.before(turn);
    else yield ahead;
  }

  wake(): void {
    this.#wake?.();
  }

  get #placed(): { readonly lane: Lane; readonly turn: Turn } {
    if (this.#place === undefined) throw new Error("A run of a serial actor has no place yet.");
    return this.#place;
  }

  /** The runs around it that have not settled, the innermost first. */
  #around(): SerialCall[] {
    const calls: SerialCall[] = [];
    for (let call = this.#parent; call !== undefined; call = call.#parent) calls.push(call);
    return calls;
  }

  // What one of its runs has written under a key is committed only when it has settled itself.
  #leaveUnused(lane: Lane, turn: Turn): void {
    if (!turn.isEmpty || (this.#isWorking && lane.isInside(turn))) return;
    this.#turns.delete(lane);
    lane.leave(turn);
  }

  async #until(condition: () => boolean, signal: AbortSignal | undefined): Promise<void> {
    if (condition()) return;
    signal?.throwIfAborted();
    let stopListening: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        this.#wake = () => condition() && resolve();
        stopListening = onAbort(signal, () => reject(signal?.reason as Error));
      });
    } finally {
      stopListening?.();
      this.#wake = undefined;
    }
  }
}
