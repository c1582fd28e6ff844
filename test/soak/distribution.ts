/** The mean and some percentiles of numbers. */
export interface Distribution {
  readonly mean: number;
  readonly p50: number;
  readonly p95: number;
  readonly p99: number;
  readonly max: number;
}

/** Percentiles by nearest rank; all 0 for no numbers. */
export function distributionOf(numbers: readonly number[]): Distribution {
  const sorted = [...numbers].sort((left, right) => left - right);
  const percentile = (percent: number): number => sorted[Math.ceil((sorted.length * percent) / 100) - 1] ?? 0;
  return {
    mean: sorted.reduce((sum, number) => sum + number, 0) / Math.max(1, sorted.length),
    p50: percentile(50),
    p95: percentile(95),
    p99: percentile(99),
    max: percentile(100),
  };
}
