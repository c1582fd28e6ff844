import type { Logger } from "typeorm";

/** Counts the statements that TypeORM sends, BEGIN and COMMIT among them. */
export class StatementCounter implements Logger {
  #count = 0;

  logQuery(): void {
    this.#count += 1;
  }

  /** How many statements were sent while `work` ran. */
  async during(work: () => Promise<unknown>): Promise<number> {
    const before = this.#count;
    await work();
    return this.#count - before;
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
