import { setImmediate } from "node:timers/promises";
import type { EntityManager, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import type { Guard } from "../guarding/guard";
import { currentUnit, UnitFlow } from "../guarding/unit-flow";
import type { Attempt } from "./attempt";
import { Beginning } from "./beginning";
import { occupy, type OccupiedMethod } from "./occupied-query-runner";
import { pipeliningClient } from "./pipelining";
import { endedByWork, type StatementWatch } from "./statement-watch";

/** One run of a unit of work, on a query runner that is its own until the run has ended. */
export class UnitRun extends UnitFlow {
  #beginning: Beginning | undefined;
  #stockRelease: () => Promise<void> = () => Promise.resolve();
  #isReleased = false;

  constructor(
    guard: Guard,
    queryRunner: QueryRunner,
    readonly attempt: Attempt,
    private readonly watch: StatementWatch,
  ) {
    super(guard, queryRunner, queryRunner.manager);
  }

  override run<T>(work: () => Promise<T>): Promise<T> {
    return super.run(work, () => endManager(this.manager));
  }

  /** Whether its transaction has ended, so that nobody can join it any more. */
  get hasEnded(): boolean {
    return this.watch.hasEnded;
  }

  /**
   * Begins its transaction. What the work asks of the connection meanwhile waits for that.
   *
   * @param isOneStatement whether it takes no more than that, so that nothing can get between.
   * @returns rejects when it could not begin.
   */
  // Not async: what it throws at once is not to be taken for a beginning that the work's statements wait for.
  begin(start: () => Promise<void>, isOneStatement: boolean): Promise<void> {
    const client = isOneStatement ? pipeliningClient(this.guard, this.queryRunner) : undefined;
    const beginning = new Beginning(this.guard, client, start);
    this.#beginning = beginning;
    return beginning.begun.then(() => {
      this.watch.begun();
      if (client === undefined) this.#beginning = undefined;
      else void beginning.settled.then(() => (this.#beginning = undefined));
    });
  }

  /** Waits until it has begun its transaction, or could not. */
  async hasBegun(): Promise<void> {
    await this.#beginning?.settled;
  }

  /**
   * Lets the watch see the run's statements, and keeps the work from ending the transaction and releasing the connection.
   *
   * @returns gives the connection back. A query runner of the run's own refuses what comes later.
   */
  occupy(): () => Promise<void> {
    const { guard, queryRunner } = this;
    this.#stockRelease = queryRunner.release.bind(queryRunner);
    const leaveLayer = occupy(queryRunner, (method, stock, parameters) =>
      this.#ask(method, stock, parameters),
    );
    if (guard.connectionTurns === undefined) return () => this.#release();
    return async () => {
      this.watch.leave();
      leaveLayer();
      // Everybody's query runner is not to be left with a manager that has ended.
      if (queryRunner.manager === this.manager) guard.dataSource.createEntityManager(queryRunner);
      return Promise.resolve();
    };
  }

  #ask(
    method: OccupiedMethod,
    stock: () => Promise<unknown>,
    parameters: readonly unknown[],
  ): Promise<unknown> {
    const isShared = this.guard.connectionTurns !== undefined;
    if (isShared && (method === "release" || currentUnit(this.guard) !== this)) return stock();
    if (method === "release") {
      // Only the work is kept from it. Whoever destroys the DataSource releases again and again until it is.
      return currentUnit(this.guard) === this ? setImmediate() : this.#release();
    }
    if (method === "query") {
      const send = (): Promise<unknown> => this.watch.send(parameters[0] as string, stock);
      return this.#beginning?.send(parameters, send) ?? send();
    }
    return this.#askOther(method, stock);
  }

  async #askOther(method: OccupiedMethod, stock: () => Promise<unknown>): Promise<unknown> {
    if (this.#beginning !== undefined) await this.#beginning.over();
    if (method === "stream") return stock();
    if (method === "startTransaction") return this.#startNested(stock);
    this.#refuseEnd();
    return stock();
  }

  // A subscriber that refuses a savepoint makes TypeORM believe that the whole transaction has ended.
  async #startNested(stock: () => Promise<unknown>): Promise<unknown> {
    this.watch.refuseLate();
    try {
      return await stock();
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

  async #release(): Promise<void> {
    if (this.#isReleased) return;
    this.#isReleased = true;
    this.watch.leave();
    await this.#stockRelease();
  }
}

// When it is over, and not before: V8 is slow with objects that each have an accessor of their own.
function endManager(manager: EntityManager): void {
  Object.defineProperty(manager, "queryRunner", {
    configurable: true,
    get() {
      throw new EndedUnitError();
    },
  });
}
