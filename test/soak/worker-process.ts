import { fork, type ChildProcess } from "node:child_process";
import { join } from "node:path";
import type { Assignment, UnitReport, WorkerMessage } from "./messages";

/** Hears of the work of a process. */
export interface WorkListener {
  onConnected(): void;
  onReports(reports: readonly UnitReport[]): void;
}

/** A process of workers, as its parent has it. */
export class WorkerProcess {
  readonly #process: ChildProcess;

  /** @param typeormLine for Jest: the TypeORM line of the test. */
  constructor(typeormLine?: string) {
    const preloaded = ["ts-node/register/transpile-only", join(__dirname, "worker-modules.ts")];
    this.#process = fork(join(__dirname, "worker.ts"), {
      cwd: join(__dirname, "../.."),
      // JSON has no Infinity.
      serialization: "advanced",
      execArgv: preloaded.flatMap((path) => ["--require", path]),
      env: { ...process.env, ...(typeormLine !== undefined && { SOAK_TYPEORM_LINE: typeormLine }) },
    });
  }

  /**
   * Lets the process work; resolves when it has finished.
   *
   * @throws when it failed, ended, or has said nothing for longer than a unit may take.
   */
  async work(assignment: Assignment, { onConnected, onReports }: WorkListener): Promise<void> {
    const patienceMs = assignment.hangAfterMs + 10_000;
    let silence: NodeJS.Timeout | undefined;
    let stopListening: (() => void) | undefined;
    try {
      await new Promise<void>((resolve, reject) => {
        const listenAgain = (): void => {
          clearTimeout(silence);
          silence = setTimeout(
            () => reject(new Error(`A process of workers has said nothing for ${patienceMs} ms.`)),
            patienceMs,
          );
        };
        const onMessage = (message: WorkerMessage): void => {
          listenAgain();
          if (message.kind === "connected") onConnected();
          else if (message.kind === "reports") onReports(message.reports);
          else if (message.kind === "finished") resolve();
          else reject(new Error(`A process of workers has failed: ${message.error}`));
        };
        const onExit = (code: number | null, signal: string | null): void =>
          reject(
            new Error(`A process of workers has ended by itself (${signal ?? `exit code ${String(code)}`}).`),
          );
        this.#process.on("message", onMessage).on("exit", onExit).on("error", reject);
        stopListening = () =>
          this.#process.off("message", onMessage).off("exit", onExit).off("error", reject);
        listenAgain();
        this.#process.send(assignment);
      });
    } finally {
      clearTimeout(silence);
      stopListening?.();
    }
  }

  /** Ends the process, whatever it does. */
  async end(): Promise<void> {
    const { exitCode, signalCode } = this.#process;
    if (exitCode !== null || signalCode !== null) return;
    await new Promise((resolve) => {
      this.#process.once("exit", resolve);
      this.#process.kill("SIGKILL");
    });
  }
}
