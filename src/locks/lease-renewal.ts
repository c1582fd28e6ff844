import type { LeaseTimes } from "./lock-options";

export interface RenewalOptions {
  readonly times: LeaseTimes;
  /** When it was last renewed, by `performance.now()`. */
  readonly renewedAt: number;
  /** Renews the lease; false when there is none any more. */
  readonly renew: () => Promise<boolean>;
  readonly onFailure: (error: unknown) => void;
  /** @param how the rest of a sentence that begins with "The locks of operation …". */
  readonly onLost: (how: string, cause?: unknown) => void;
}

const longestTimeoutMs = 2 ** 31 - 1;

/**
 * Renews a lease while it is held. A renewal that fails is tried again, until the lease may have run out: that is counted
 * from before the last successful one was sent, so that the holder gives up no later than the backend does.
 */
export class LeaseRenewal {
  #deadline: number;
  #timer: NodeJS.Timeout | undefined;
  #deadlineTimer: NodeJS.Timeout | undefined;
  #lastError: unknown;
  #isOver = false;
  #dueAt = Infinity;

  constructor(private readonly options: RenewalOptions) {
    this.#deadline = options.renewedAt + options.times.ttlMs;
    this.#scheduleRenewal();
    this.#watchDeadline();
  }

  /** Loses the lease if it may have run out. */
  check(): void {
    if (this.#isOver || performance.now() < this.#deadline) return;
    this.stop();
    const how =
      this.#lastError === undefined ? "have run out" : "have run out, since they could not be renewed";
    this.options.onLost(how, this.#lastError);
  }

  /** Whether a renewal should have begun already: the process has given no timer a turn. */
  get isOverdue(): boolean {
    return !this.#isOver && performance.now() > this.#dueAt;
  }

  /** Notes that the lease was renewed by a request that was sent at `askedAt`. */
  renewed(askedAt: number, ttlMs: number): void {
    this.#deadline = Math.max(this.#deadline, askedAt + ttlMs);
    this.#lastError = undefined;
  }

  stop(): void {
    this.#isOver = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#deadlineTimer);
  }

  // What only waits to renew does not keep a process alive.
  #scheduleRenewal(): void {
    const delayMs = Math.min(this.options.times.renewEveryMs, longestTimeoutMs);
    this.#dueAt = performance.now() + delayMs;
    this.#timer = setTimeout(() => void this.#renew(), delayMs).unref();
  }

  #watchDeadline(): void {
    const leftMs = Math.min(Math.max(1, Math.ceil(this.#deadline - performance.now())), longestTimeoutMs);
    this.#deadlineTimer = setTimeout(() => {
      this.check();
      if (!this.#isOver) this.#watchDeadline();
    }, leftMs).unref();
  }

  async #renew(): Promise<void> {
    const { onFailure, onLost, renew, times } = this.options;
    this.#dueAt = Infinity;
    this.check();
    if (this.#isOver) return;
    const askedAt = performance.now();
    try {
      const isHeld = await renew();
      if (this.#isOver) return;
      if (!isHeld) {
        this.stop();
        onLost("were gone when they were to be renewed: they have run out, or an operator has released them");
        return;
      }
      this.renewed(askedAt, times.ttlMs);
    } catch (error) {
      if (this.#isOver) return;
      this.#lastError = error;
      onFailure(error);
    }
    this.#scheduleRenewal();
  }
}
