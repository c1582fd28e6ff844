import { setTimeout as sleep } from "node:timers/promises";

const longestDelayMs = 50;

/**
 * Runs work again while SQLite finds its file locked by another connection. Its own busy timeout holds up the whole process
 * with some drivers, and so the very flow that would have to go on.
 *
 * @param patienceMs how long, from now, it is begun again.
 */
export async function untilNotBusy<T>(patienceMs: number, work: () => Promise<T>): Promise<T> {
  const endsAt = performance.now() + patienceMs;
  for (let delayMs = 1; ; delayMs = Math.min(2 * delayMs, longestDelayMs)) {
    try {
      return await work();
    } catch (error) {
      if (!isBusy(error) || performance.now() >= endsAt) throw error;
    }
    await sleep(delayMs * Math.random());
  }
}

function isBusy(error: unknown): boolean {
  const { code } = (error as { readonly driverError?: { readonly code?: unknown } }).driverError ?? {};
  return typeof code === "string" && code.startsWith("SQLITE_BUSY");
}
