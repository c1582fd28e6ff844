import { setImmediate } from "node:timers/promises";
import { EndedUnitError } from "../errors/ended-unit-error";
import { endsTransaction } from "./ends-transaction";
import type { DriverType } from "./failures/driver-type";
import { failedQueryOf } from "./failures/driver-error";
import { isTransactionLost } from "./failures/transaction-lost";

interface Failure {
  readonly error: unknown;
}

/**
 * `beginning` and `ending`: the unit's own statements. `over`: COMMIT or ROLLBACK was asked for. `ended`: it was executed,
 * and those who hear of it may use the connection still. `left`: nobody may.
 */
type Phase = "beginning" | "working" | "ending" | "over" | "ended" | "left";

const quietRounds = 100;

export interface WatchOptions {
  readonly driverType: DriverType;
  /** What the driver knows of it; undefined when it does not know. */
  readonly isTransactionOpen: () => boolean | undefined;
  /** Whether the running code is the unit's commit or rollback, or was called by it. */
  readonly isCalledByEnd: () => boolean;
  /** Sends a statement that does nothing, unwatched. */
  readonly probe: () => Promise<unknown>;
}

/**
 * Watches what a unit of work sends, and goes by that alone. After some failures a database goes on as if nothing had
 * happened: MySQL has rolled back and executes the next statement outside of any transaction, PostgreSQL answers COMMIT
 * with a rollback. What TypeORM believes is no help either: a subscriber that fails makes it forget a transaction.
 */
export class StatementWatch {
  readonly #running = new Set<Promise<unknown>>();
  #phase: Phase = "beginning";
  #isOpen = false;
  /** Whether there was a transaction before, of somebody else's. */
  readonly #wasOpen: boolean;
  #isCommitSent = false;
  #isCommitted = false;
  #lostBy: Failure | undefined;
  #firstFailure: Failure | undefined;
  #sent = 0;
  #sentAtFailure = 0;

  constructor(private readonly options: WatchOptions) {
    this.#wasOpen = options.isTransactionOpen() === true;
  }

  /** Whether the work is being done. */
  get isWorking(): boolean {
    return this.#phase === "working";
  }

  /** Whether the transaction has ended. */
  get hasEnded(): boolean {
    return this.#phase === "ended" || this.#phase === "left";
  }

  /** Whether the database has, or may have, a transaction of the unit's open. */
  get isOpen(): boolean {
    return this.#isOpen || (!this.#wasOpen && this.options.isTransactionOpen() === true);
  }

  /** Whether anything was sent, so that nobody can say what state the connection is in. */
  get hasSent(): boolean {
    return this.#sent > 0;
  }

  /** Whether COMMIT was sent, so that the transaction may have been committed whatever came back. */
  get isCommitSent(): boolean {
    return this.#isCommitSent;
  }

  /** Whether the database has said that the transaction is committed. */
  get isCommitted(): boolean {
    return this.#isCommitted;
  }

  /** The transaction has begun: what is sent from now on is the work's. */
  begun(): void {
    this.#phase = "working";
  }

  /** The work is done: what is sent from now on ends the transaction. */
  end(): void {
    if (this.#phase === "beginning" || this.#phase === "working") this.#phase = "ending";
  }

  /** The connection is given back. */
  leave(): void {
    this.#phase = "left";
  }

  /**
   * Keeps what the work has left running from beginning or ending transactions once the unit ends its own: TypeORM would
   * take one for the other.
   *
   * @throws EndedUnitError
   */
  refuseLate(): void {
    const isLate = this.#phase !== "beginning" && this.#phase !== "working";
    if (isLate && !this.options.isCalledByEnd()) throw new EndedUnitError();
  }

  /** Sends one statement of the unit. */
  async send(sql: string, query: () => Promise<unknown>): Promise<unknown> {
    this.#refuseUnfit(sql);
    const isEnd = this.#phase !== "ended" && (sql === "COMMIT" || sql === "ROLLBACK");
    if (isEnd) this.#phase = "over";
    if (isEnd && sql === "COMMIT") {
      if (this.#running.size > 0 || this.#firstFailure !== undefined) await this.#refuseLost();
      this.#isCommitSent = true;
    }
    const sentAt = ++this.#sent;
    const running = query();
    this.#running.add(running);
    try {
      const result = await running;
      // One that was sent before the failure says nothing of what came after it.
      if (sentAt > this.#sentAtFailure) this.#firstFailure = undefined;
      this.#noteExecuted();
      if (isEnd) this.#noteEnd(sql);
      return result;
    } catch (error) {
      // Otherwise it is a subscriber that has failed, after the statement.
      if (failedQueryOf(error) === undefined) this.#noteExecuted();
      this.#noteFailure(error);
      throw error;
    } finally {
      this.#running.delete(running);
    }
  }

  /** Whether something is on its way. */
  get isBusy(): boolean {
    return this.#running.size > 0;
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

  /** The failure that the transaction was lost by, if it was, so that nothing of it can be committed any more. */
  async lostBy(): Promise<Failure | undefined> {
    const suspected = this.#firstFailure;
    if (this.#lostBy !== undefined || suspected === undefined) return this.#lostBy;
    return this.options.probe().then(
      () => undefined,
      () => suspected,
    );
  }

  async #refuseLost(): Promise<void> {
    await Promise.allSettled(this.#running);
    const lost = await this.lostBy();
    if (lost !== undefined) throw lost.error;
  }

  #refuseUnfit(sql: string): void {
    const isCalledByEnd = this.options.isCalledByEnd();
    // Whatever has happened, the unit can roll it back.
    if (isCalledByEnd && (this.#phase === "ended" || sql === "ROLLBACK")) return;
    if (this.#phase === "over" || this.#phase === "ended" || this.#phase === "left")
      throw new EndedUnitError();
    if (this.#lostBy !== undefined) throw this.#lostBy.error;
    const isOfUnit = this.#phase === "beginning" || isCalledByEnd;
    if (!isOfUnit && endsTransaction(this.options.driverType, sql)) {
      throw endedByWork(sql);
    }
  }

  #noteExecuted(): void {
    this.#isOpen ||= this.#phase !== "ended";
  }

  #noteEnd(sql: "COMMIT" | "ROLLBACK"): void {
    this.#isOpen = false;
    this.#phase = "ended";
    this.#isCommitted = sql === "COMMIT";
  }

  #noteFailure(error: unknown): void {
    // PostgreSQL refuses what comes after it, for no reason of its own.
    this.#firstFailure ??= { error };
    this.#sentAtFailure = this.#sent;
    // `ON CONFLICT ROLLBACK` of SQLite does so under an ordinary code.
    const isLost =
      isTransactionLost(this.options.driverType, error) || this.options.isTransactionOpen() === false;
    if (isLost) this.#lostBy ??= { error };
  }
}

/** The error of work that tries to end its transaction itself. */
export function endedByWork(sql?: string): EndedUnitError {
  return new EndedUnitError(
    `The transaction of a unit of work is ended by the unit: it commits when the work returns, and rolls back when the ` +
      `work throws.${sql === undefined ? "" : ` This would end it before: ${sql}`}`,
  );
}
