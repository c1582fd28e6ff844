import { ConnectionBusyError } from "../errors/connection-busy-error";
import { findFlow, Flow } from "./flow";

const tickMs = 250;

/** Somebody's turn on the connection. */
class Turn extends Flow {
  #running = 0;
  #uses = 0;

  constructor(
    owner: object,
    readonly purpose: string,
  ) {
    super(owner);
  }

  /** How often the connection has been used; a number that stands still while nobody uses it. */
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
  #usesAtTick: number | undefined;

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
    if (findFlow(this.owner, Turn) !== undefined) return work();
    const turn = new Turn(this.owner, purpose);
    if (this.#holder === undefined) this.#holder = turn;
    else await this.#wait(turn, signal);
    try {
      return await turn.run(work);
    } finally {
      this.#passOn();
    }
  }

  /** Runs one statement in the turn that the running code is in, or in one of its own. */
  async use<T>(statement: () => Promise<T>): Promise<T> {
    const turn = findFlow(this.owner, Turn);
    return turn === undefined ? this.take("a statement", () => this.use(statement)) : turn.use(statement);
  }

  async #wait(turn: Turn, signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const leave = (reason: Error): void => {
        this.#queue.splice(this.#queue.indexOf(waiting), 1);
        this.#stopClockUnlessNeeded();
        signal?.removeEventListener("abort", abort);
        reject(reason);
      };
      const abort = (): void => leave(signal?.reason as Error);
      const enter = (): void => {
        signal?.removeEventListener("abort", abort);
        resolve();
      };
      const waiting: Waiting = { turn, idleMs: 0, enter, leave };
      this.#queue.push(waiting);
      signal?.addEventListener("abort", abort, { once: true });
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
    const uses = this.#holder?.uses;
    const isIdle = uses !== undefined && uses === this.#usesAtTick;
    this.#usesAtTick = uses;
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
    this.#usesAtTick = undefined;
  }
}
