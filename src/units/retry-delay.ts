/**
 * How long to wait before a retry: nothing before the first, then a random part of a time that doubles with each.
 * "Full jitter": M. Brooker, Exponential Backoff And Jitter, AWS Architecture Blog, 2015.
 *
 * @param retry 1 for the first retry.
 * @param random a number from 0 to 1.
 */
export function retryDelayMs(
  retry: number,
  { maxDelayMs, minDelayMs }: { readonly minDelayMs: number; readonly maxDelayMs: number },
  random: number,
): number {
  if (retry <= 1) return 0;
  return random * Math.min(maxDelayMs, minDelayMs * 2 ** (retry - 2));
}
