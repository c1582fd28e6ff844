import { setImmediate } from "node:timers/promises";
import type { Contender } from "./operation";
import { median } from "./quantile";
import type { StatementCounter } from "./statement-counter";

export interface Measured {
  readonly name: string;
  readonly medianMs: number;
  readonly statements: number;
}

/**
 * Lets the contenders take turns, A B C A B C …, so that whatever slows the machine down slows all of them. The
 * first rounds warm up and are not in the medians, as many as are measured: V8 goes on compiling what is called for some
 * thousand calls, and a server has those behind it. The very first one counts statements.
 */
export async function measure(
  contenders: readonly Contender[],
  rounds: number,
  counter: StatementCounter,
  report: (round: number) => void,
): Promise<Measured[]> {
  const runs = contenders.map((contender) => ({ contender, statements: 0, tookMs: [] as number[] }));
  for (const run of runs) {
    await run.contender.prepare?.();
    run.statements = await counter.during(() => run.contender.run());
  }
  for (let round = 1 - rounds; round <= rounds; round++) {
    for (const { contender, tookMs } of runs) {
      await contender.prepare?.();
      const started = performance.now();
      await contender.run();
      if (round > 0) tookMs.push(performance.now() - started);
    }
    report(Math.max(0, round));
    // SQLite's driver never waits: a turn for Ctrl-C.
    await setImmediate();
  }
  return runs.map(({ contender: { name }, statements, tookMs }) => ({
    name,
    statements,
    medianMs: median(tookMs),
  }));
}
