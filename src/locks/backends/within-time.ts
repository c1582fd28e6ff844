const tolerableDelayMs = 5;

/**
 * What `work` comes to, if it does so in time. What is late goes on, and nobody hears of it. As long as the process was too busy
 * to hear of an answer, it waits on for one, but no longer than the time once more.
 *
 * @param work can ask whether it is late, before it goes on to a next step.
 * @throws when the time is over.
 */
export async function withinTime<T>(
  timeoutMs: number,
  work: (isLate: () => boolean) => Promise<T>,
): Promise<T> {
  let timer: NodeJS.Timeout | undefined;
  let isLate = false;
  const late = new Promise<never>((_, reject) => {
    const waitFor = (delayMs: number, graceMs: number): void => {
      const dueAt = performance.now() + delayMs;
      timer = setTimeout(() => {
        const heldUpMs = Math.min(performance.now() - dueAt, graceMs);
        if (heldUpMs > tolerableDelayMs) {
          waitFor(heldUpMs, graceMs - heldUpMs);
          return;
        }
        isLate = true;
        reject(new Error(`no answer within ${timeoutMs} ms`));
      }, delayMs);
    };
    waitFor(timeoutMs, timeoutMs);
  });
  try {
    return await Promise.race([work(() => isLate), late]);
  } finally {
    clearTimeout(timer);
  }
}
