import { setImmediate } from "node:timers/promises";
import type { QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import type { Guard } from "../guarding/guard";
import { restoreProperty } from "../guarding/restore-property";
import { currentUnit, UnitFlow } from "../guarding/unit-flow";
import type { Attempt } from "./attempt";
import { endedByWork, type StatementWatch } from "./statement-watch";

type Method = (...parameters: unknown[]) => Promise<unknown>;

/** What is asked of a query runner while a unit of work has it. */
const occupied = ["query", "startTransaction", "commitTransaction", "rollbackTransaction"] as const;

/** One run of a unit of work, on a query runner that is its own until the run has ended. */
export class UnitRun extends UnitFlow {
  constructor(
    guard: Guard,
    queryRunner: QueryRunner,
    readonly attempt: Attempt,
    private readonly watch: StatementWatch,
  ) {
    super(guard, queryRunner, queryRunner.manager);
    Object.defineProperty(this.manager, "queryRunner", {
      configurable: true,
      get: () => {
        if (this.isOver) throw new EndedUnitError();
        return queryRunner;
      },
    });
  }

  /** Whether its transaction has ended, so that nobody can join it any more. */
  get hasEnded(): boolean {
    return this.watch.hasEnded;
  }

  /**
   * Lets the watch see the run's statements, and keeps the work from ending the transaction and releasing the connection.
   *
   * @returns gives the connection back. A query runner of the run's own refuses what comes later.
   */
  occupy(): () => Promise<void> {
    const undo = occupied.map((method) => this.#replace(method));
    if (this.guard.connectionTurns === undefined) return this.#holdRelease();
    return async () => {
      this.watch.leave();
      for (const undoMethod of undo) undoMethod();
      // Everybody's query runner is not to be left with a manager that has ended.
      if (this.queryRunner.manager === this.manager)
        this.guard.dataSource.createEntityManager(this.queryRunner);
      return Promise.resolve();
    };
  }

  #replace(method: (typeof occupied)[number]): () => void {
    const { queryRunner } = this;
    const before = Object.getOwnPropertyDescriptor(queryRunner, method);
    const stock = queryRunner[method].bind(queryRunner) as Method;
    const isShared = this.guard.connectionTurns !== undefined;
    Object.defineProperty(queryRunner, method, {
      configurable: true,
      writable: true,
      value: async (...parameters: unknown[]): Promise<unknown> => {
        if (isShared && currentUnit(this.guard) !== this) return stock(...parameters);
        if (method === "query") return this.watch.send(parameters[0] as string, () => stock(...parameters));
        if (method === "startTransaction") return this.#startNested(stock, parameters);
        this.#refuseEnd();
        return stock(...parameters);
      },
    });
    return () => restoreProperty(queryRunner, method, this.guard.isActive ? before : undefined);
  }

  // A subscriber that refuses a savepoint makes TypeORM believe that the whole transaction has ended.
  async #startNested(stock: Method, parameters: unknown[]): Promise<unknown> {
    this.watch.refuseLate();
    try {
      return await stock(...parameters);
    } finally {
      if (this.watch.isWorking) Object.assign(this.queryRunner, { isTransactionActive: true });
    }
  }

  // Before TypeORM tells its subscribers of an end that will be none.
  #refuseEnd(): void {
    this.watch.refuseLate();
    const { transactionDepth = 1 } = this.queryRunner as { readonly transactionDepth?: number };
    if (!this.watch.isWorking || transactionDepth > 1) return;
    throw endedByWork();
  }

  #holdRelease(): () => Promise<void> {
    const { queryRunner } = this;
    const release = queryRunner.release.bind(queryRunner);
    let isReleased = false;
    const releaseOnce = async (): Promise<void> => {
      if (isReleased) return;
      isReleased = true;
      this.watch.leave();
      await release();
    };
    // Only the work is kept from it. Whoever destroys the DataSource releases again and again until it is.
    queryRunner.release = async () => (currentUnit(this.guard) === this ? setImmediate() : releaseOnce());
    return releaseOnce;
  }
}
