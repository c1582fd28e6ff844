import { isOptimisticLockError } from "typeorm-concurrency";

/** Runs work that loads, changes and saves; once more from the start each time that somebody else was faster. */
export async function tryAgain<T>(work: (attempt: number) => Promise<T>, attempts = 10): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await work(attempt);
    } catch (error) {
      if (!isOptimisticLockError(error) || !error.retryable || attempt === attempts) throw error;
    }
  }
}
