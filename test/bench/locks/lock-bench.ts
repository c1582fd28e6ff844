import type { Progress } from "../../../examples/buyers/progress";
import type { Contender } from "../operation";
import { measure, type Measured } from "../rounds";
import type { StatementCounter } from "../statement-counter";

const fewestRounds = 5;

/** Measures contenders for the tables on locks. */
export class LockBench {
  constructor(
    readonly counter: StatementCounter,
    private readonly rounds: number,
    private readonly progress: Progress,
    readonly signal: AbortSignal,
  ) {}

  /** How many rounds something gets of which one round takes as long as `weight` light ones. */
  roundsOf(weight: number): number {
    return Math.max(fewestRounds, Math.round(this.rounds / weight));
  }

  async measure(what: string, contenders: readonly Contender[], weight: number): Promise<Measured[]> {
    const rounds = this.roundsOf(weight);
    return measure(contenders, rounds, this.counter, (round) => {
      this.signal.throwIfAborted();
      this.progress.show(what, round, rounds);
    });
  }
}
