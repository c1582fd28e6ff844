import { fork, type ChildProcess, type ForkOptions } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import type { Assignment } from "./worker";

/** The process of a worker, as its parent has it. */
export class WorkerProcess {
  readonly #process: ChildProcess;
  readonly #ended: Promise<void>;

  /** @param options for tests, whose modules are others. */
  constructor(options: ForkOptions = {}) {
    this.#process = fork(join(__dirname, "worker.ts"), {
      cwd: __dirname,
      execArgv: ["--require", require.resolve("ts-node/register/transpile-only")],
      ...options,
    });
    this.#ended = new Promise((resolve) => void this.#process.once("exit", () => resolve()));
  }

  /**
   * Tells it what to do, or to go on, and waits for its next report.
   *
   * @throws when it ends instead.
   */
  async tell(message: Assignment | "go on"): Promise<string> {
    const settled = new AbortController();
    const report = once(this.#process, "message", { signal: settled.signal });
    const death = this.#ended.then(() => {
      throw new Error("the worker has ended without a report");
    });
    this.#process.send(message, () => undefined);
    try {
      return String((await Promise.race([report, death]))[0]);
    } finally {
      settled.abort();
    }
  }

  /** Ends it, whatever it does: it is told nothing, and cannot let go of anything. */
  async kill(): Promise<void> {
    this.#process.kill("SIGKILL");
    await this.#ended;
  }
}
