import type { Logger } from "typeorm";

/** A logger that keeps the UPDATEs which are sent. */
export class SentUpdates implements Logger {
  readonly #updates: string[] = [];

  /** What was sent since the last time. */
  take(): string[] {
    return this.#updates.splice(0);
  }

  logQuery(query: string, parameters: unknown[] = []): void {
    if (!query.startsWith("UPDATE")) return;
    this.#updates.push([query, ...parameters].join(" -- "));
  }

  logQueryError(): void {}
  logQuerySlow(): void {}
  logSchemaBuild(): void {}
  logMigration(): void {}
  log(): void {}
}
