/** What the buyers were told. */
export interface Tally {
  /** Saves that were tried. */
  attempted: number;
  /** Saves that resolved. */
  acknowledged: number;
  /** Saves that were rejected with an OptimisticLockError. */
  refused: number;
}

/** What became of it. */
export interface Outcome extends Readonly<Tally> {
  readonly contender: string;
  /** Purchases that the rows show at the end. */
  readonly inTheRows: number;
  /** Purchases that were acknowledged and are not in the rows. */
  readonly lost: number;
  readonly tookMs: number;
}
