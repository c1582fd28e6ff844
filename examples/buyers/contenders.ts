/** One way to let the buyers loose. */
export interface Contender {
  readonly name: string;
  readonly isGuarded: boolean;
  readonly triesAgain: boolean;
}

export const contenders: readonly Contender[] = [
  { name: "bare TypeORM", isGuarded: false, triesAgain: false },
  { name: "guarded", isGuarded: true, triesAgain: false },
  { name: "guarded, tried again", isGuarded: true, triesAgain: true },
];
