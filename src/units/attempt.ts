/** One run of a unit of work, as it is told to the work. */
export interface Attempt {
  /** 1 for the first run. */
  readonly number: number;
  /** How often the unit may be run again after this one. */
  readonly retriesLeft: number;
  /** From the beginning of the first run to the beginning of this one. */
  readonly elapsedMs: number;
  /** What the run before this one failed with; undefined in the first. */
  readonly previousError: unknown;
  /** The unit's own signal, for what the work does besides the database. */
  readonly signal: AbortSignal | undefined;
}

/** A run that has failed, as it is told to `shouldRetry`. */
export interface FailedAttempt extends Attempt {
  /** Whether the unit would be run again if nobody were asked. */
  readonly isRetryable: boolean;
}
