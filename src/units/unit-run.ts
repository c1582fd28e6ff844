import type { EntityManager, QueryRunner } from "typeorm";
import { EndedUnitError } from "../errors/ended-unit-error";
import { currentUnit, UnitFlow } from "../guarding/unit-flow";
import { restoreProperty } from "../guarding/restore-property";
import type { Guard } from "../guarding/guard";
import type { Attempt } from "./attempt";
import type { StatementWatch } from "./statement-watch";

/** One run of a unit of work, on a query runner that is its own until the run has ended. */
export class UnitRun extends UnitFlow {
  constructor(
    guard: Guard,
    queryRunner: QueryRunner,
    manager: EntityManager,
    readonly attempt: Attempt,
  ) {
    super(guard, queryRunner, manager);
    Object.defineProperty(manager, "queryRunner", {
      configurable: true,
      get: () => {
        if (this.isOver) throw new EndedUnitError();
        return queryRunner;
      },
    });
  }

  /**
   * Lets a watch see the run's statements, and keeps others from releasing its connection.
   *
   * @returns gives the connection back. A query runner of the run's own refuses what comes later.
   */
  occupy(watch: StatementWatch): () => Promise<void> {
    const { queryRunner } = this;
    const isShared = this.guard.connectionTurns !== undefined;
    const query = queryRunner.query.bind(queryRunner) as (...parameters: unknown[]) => Promise<unknown>;
    const queryBefore = Object.getOwnPropertyDescriptor(queryRunner, "query");
    Object.defineProperty(queryRunner, "query", {
      configurable: true,
      writable: true,
      value: async (...parameters: unknown[]): Promise<unknown> => {
        const proceed = (): Promise<unknown> => query(...parameters);
        const isOfRun = !isShared || currentUnit(this.guard) === this;
        return isOfRun ? watch.send(parameters[0] as string, proceed) : proceed();
      },
    });
    if (isShared) {
      return async () => {
        restoreProperty(queryRunner, "query", queryBefore);
        return Promise.resolve();
      };
    }
    const release = queryRunner.release.bind(queryRunner);
    queryRunner.release = async () => Promise.resolve();
    return release;
  }
}
