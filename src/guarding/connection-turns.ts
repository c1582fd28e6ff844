import { ConnectionBusyError } from "../errors/connection-busy-error";
import { findFlow, Flow } from "./flow";
import { settled } from "./settled";
import { onAbort } from "../events/on-abort";

const tickMs = 250;

/** Somebody's turn on the connection. */
class Turn {
  #running = 0;
  #uses = 0;

  constructor(readonly purpose: string) {}

  /** How often the connection has been used; undefined while it is. */
  get uses(): number | undefined {
    return this.#running > 0 ? undefined : this.#uses;
  }

  async use<T>(statement: () => Promise<T>): Promise<T> {
    this.#running++;
    try {
      return await statement();
    } finally {
      this.#running--;
      this.#uses++;
    }
  }
}

/** Work that is done in a turn: the turn's own, or what was begun inside that, awaited or not. */
class Part extends Flow {
  readonly #begun = new Set<Promise<void>>();

  constructor(
    owner: object,
    readonly turn: Turn,
  ) {
    super(owner);
  }

  /** Runs another part inside this one. */
  async begin<T>(work: () => Promise<T>): Promise<T> {
    const part = new Part(this.owner, this.turn);
    const done = part.run(work);
    const ended = settled(done).then(() => part.quiet());
    this.#begun.add(ended);
    void ended.then(() => this.#begun.delete(ended));
    return done;
  }

  /** Waits for all that was begun in it. */
  async quiet(): Promise<void> {
    while (this.#begun.size > 0) await Promise.all(this.#begun);
  }
}

interface Waiting {
  readonly turn: Turn;
  idleMs: number;
  readonly enter: () => void;
  readonly leave: (reason: Error) => void;
}

/**
 * Lets everybody who uses the one connection of a DataSource take turns: one at a time, first come first served. What is
 * called within a turn is part of it.
 */
export class ConnectionTurns {
  #holder: Turn | undefined;
  readonly #queue: Waiting[] = [];
  #clock: NodeJS.Timeout | undefined;
  #atTick: { readonly holder: Turn | undefined; readonly uses: number | undefined } | undefined;

  constructor(
    private readonly owner: object,
    /**
     * How long one waits while the connection is held and not used. Whoever holds it may be waiting for whoever waits,
     * and nothing would ever end.
     */
    private readonly idleLimitMs: number,
  ) {}

  /**
   * Runs `work` when it is its turn.
   *
   * @param purpose what it is, for messages: `a save`.
   * @param signal stops waiting; work that has begun goes on.
   * @throws ConnectionBusyError after waiting for a holder that does not use the connection; the signal's reason.
   */
  async take<T>(purpose: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    const around = findFlow(this.owner, Part);
    if (around !== undefined) return around.begin(work);
    const turn = new Turn(purpose);
    if (this.#holder === undefined) this.#holder = turn;
    else await this.#wait(turn, signal);
    const part = new Part(this.owner, turn);
    const done = part.run(work);
    void settled(done)
      .then(() => part.quiet())
      .then(() => this.#passOn());
    return done;
  }

  /** Whether the running code is in a turn. */
  get isInTurn(): boolean {
    return findFlow(this.owner, Part) !== undefined;
  }

  /** Waits for what was begun inside the work that the running code is, and has not been awaited there. */
  async quiet(): Promise<void> {
    await findFlow(this.owner, Part)?.quiet();
  }

  /** Runs one statement in the turn that the running code is in, or in one of its own. */
  async use<T>(statement: () => Promise<T>): Promise<T> {
    const turn = findFlow(this.owner, Part)?.turn;
    return turn === undefined ? this.take("a statement", () => this.use(statement)) : turn.use(statement);
  }

  async #wait(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (reason: Error): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#stopClockUnlessNeeded();
        stopListening();
        reject(reason);
      };
      const stopListening = onAbort(signal, () => leave(signal?.reason as Error));
      const enter = (): void => {
        stopListening();
        resolve();
      };
      const waiting: Waiting = { turn, idleMs: 0, enter, leave };
      this.#queue.push(waiting);
      this.#clock ??= setInterval(() => this.#tick(), tickMs);
    });
  }

  #passOn(): void {
    const next = this.#queue.shift();
    this.#holder = next?.turn;
    this.#stopClockUnlessNeeded();
    next?.enter();
  }

  // Counts what it sees instead of reading a clock: while the process itself stands still nobody is idle.
  #tick(): void {
    const now = { holder: this.#holder, uses: this.#holder?.uses };
    const isIdle =
      now.uses !== undefined && now.holder === this.#atTick?.holder && now.uses === this.#atTick?.uses;
    this.#atTick = now;
    for (const waiting of [...this.#queue]) {
      waiting.idleMs = isIdle ? waiting.idleMs + tickMs : 0;
      if (waiting.idleMs < this.idleLimitMs) continue;
      waiting.leave(
        new ConnectionBusyError(waiting.turn.purpose, this.#holder?.purpose ?? "", waiting.idleMs),
      );
    }
  }

  #stopClockUnlessNeeded(): void {
    if (this.#queue.length > 0) return;
    clearInterval(this.#clock);
    this.#clock = undefined;
    this.#atTick = undefined;
  }
}
