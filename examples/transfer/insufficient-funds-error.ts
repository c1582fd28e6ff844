/** A rule of the bank, not a lost race: running again would not help. */
export class InsufficientFundsError extends Error {
  constructor(owner: string, cents: number) {
    super(`${owner} has only ${cents} cents`);
  }
}
