import { setImmediate } from "node:timers/promises";
import { EndedUnitError } from "../errors/ended-unit-error";
import { endsTransaction } from "./ends-transaction";
import type { DriverType } from "./failures/driver-type";
import { isTransactionLost } from "./failures/transaction-lost";

interface Failure {
  readonly error: unknown;
}

/** `beginning` and `ending`: the unit's own statements. `over`: COMMIT or ROLLBACK was sent. */
type Phase = "beginning" | "working" | "ending" | "over";

const quietRounds = 100;

/**
 * Watches what a unit of work sends. After some failures a database goes on as if nothing had happened: MySQL has rolled
 * back and executes the next statement outside of any transaction, PostgreSQL answers COMMIT with a rollback. Work that
 * catches such a failure must not be taken for committed.
 */
export class StatementWatch {
  readonly #running = new Set<Promise<unknown>>();
  #phase: Phase = "beginning";
  #isCommitSent = false;
  #lostBy: Failure | undefined;
  #firstFailure: Failure | undefined;

  /** @param isTransactionOpen what the driver knows of it; undefined when it does not know. */
  constructor(
    private readonly driverType: DriverType,
    private readonly isTransactionOpen: () => boolean | undefined,
  ) {}

  /** Whether COMMIT was sent, so that the transaction may have been committed whatever came back. */
  get isCommitSent(): boolean {
    return this.#isCommitSent;
  }

  /** The transaction has begun: what is sent from now on is the work's. */
  begun(): void {
    this.#phase = "working";
  }

  /** The work is done: what is sent from now on ends the transaction. */
  end(): void {
    if (this.#phase !== "over") this.#phase = "ending";
  }

  /** Sends one statement of the unit. */
  async send(sql: string, query: () => Promise<unknown>): Promise<unknown> {
    this.#refuseUnfit(sql);
    if (this.#phase === "ending" && endsTransaction(this.driverType, sql)) {
      this.#phase = "over";
      this.#isCommitSent = sql === "COMMIT";
    }
    const running = query();
    this.#running.add(running);
    try {
      const result = await running;
      this.#firstFailure = undefined;
      return result;
    } catch (error) {
      // PostgreSQL refuses what comes after it, for no reason of its own.
      this.#firstFailure ??= { error };
      if (this.#isLostBy(error)) this.#lostBy ??= { error };
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  #refuseUnfit(sql: string): void {
    // Whatever has happened, it can be rolled back.
    if (sql === "ROLLBACK" && this.#phase !== "working") return;
    if (this.#phase === "over") throw new EndedUnitError();
    if (this.#lostBy !== undefined) throw this.#lostBy.error;
    if (this.#phase === "working" && endsTransaction(this.driverType, sql)) {
      throw new EndedUnitError(
        `The transaction of a unit of work is ended by the unit: it commits when the work returns, and rolls back when ` +
          `the work throws. This statement would end it before: ${sql}`,
      );
    }
  }

  // `ON CONFLICT ROLLBACK` of SQLite does so under an ordinary code.
  #isLostBy(error: unknown): boolean {
    return isTransactionLost(this.driverType, error) || this.isTransactionOpen() === false;
  }

  /**
   * Waits for what the work has begun and not awaited.
   *
   * @throws EndedUnitError when that does not come to an end.
   */
  async quiet(): Promise<void> {
    for (let round = 0; this.#running.size > 0; round++) {
      if (round === quietRounds) throw new EndedUnitError();
      await Promise.allSettled(this.#running);
      // What was waiting for those may have more to send.
      await setImmediate();
    }
  }

  /**
   * The failure that the transaction was lost by, if it was, so that nothing of it can be committed any more.
   *
   * @param probe sends a statement that does nothing.
   */
  async lostBy(probe: () => Promise<unknown>): Promise<Failure | undefined> {
    const suspected = this.#firstFailure;
    if (this.#lostBy !== undefined || suspected === undefined) return this.#lostBy;
    return probe().then(
      () => undefined,
      () => suspected,
    );
  }
}
