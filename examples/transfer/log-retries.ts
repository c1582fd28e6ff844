import { subscribe, unsubscribe } from "node:diagnostics_channel";
import type { GaveUpEvent, RetryEvent } from "typeorm-concurrency";

/** Tells a log which units of work are run again, and which are given up. Returns how to stop it. */
export function logRetries(log: (line: string) => void): () => void {
  const onRetry = (message: unknown): void => {
    const { attempt, reason } = message as RetryEvent;
    log(`run ${attempt} has lost: ${reason}`);
  };
  const onGaveUp = (message: unknown): void => {
    const { attempts } = message as GaveUpEvent;
    log(`given up after run ${attempts}`);
  };
  subscribe("typeorm-concurrency:retry", onRetry);
  subscribe("typeorm-concurrency:gave-up", onGaveUp);
  return () => {
    unsubscribe("typeorm-concurrency:retry", onRetry);
    unsubscribe("typeorm-concurrency:gave-up", onGaveUp);
  };
}
