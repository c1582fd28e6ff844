import type { UnitReport } from "./messages";

const everyMs = 100;

/** Sends reports in batches. */
export class ReportOutbox {
  #waiting: UnitReport[] = [];
  readonly #clock = setInterval(() => this.#flush(), everyMs);

  constructor(private readonly send: (reports: readonly UnitReport[]) => void) {}

  put(report: UnitReport): void {
    this.#waiting.push(report);
  }

  /** Sends what is left. */
  close(): void {
    clearInterval(this.#clock);
    this.#flush();
  }

  #flush(): void {
    if (this.#waiting.length === 0) return;
    this.send(this.#waiting);
    this.#waiting = [];
  }
}
