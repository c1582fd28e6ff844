/** What goes in comes out in the same order, `delayMs` later. Times are given by the caller, in milliseconds. */
export class DelayedLine<Piece> {
  readonly #pieces: { readonly piece: Piece; readonly dueAt: number }[] = [];

  constructor(private readonly delayMs: number) {}

  put(piece: Piece, now: number): void {
    this.#pieces.push({ piece, dueAt: now + this.delayMs });
  }

  /** Takes out all that is due. */
  take(now: number): Piece[] {
    const waiting = this.#pieces.findIndex(({ dueAt }) => dueAt > now);
    return this.#pieces.splice(0, waiting === -1 ? this.#pieces.length : waiting).map(({ piece }) => piece);
  }

  /** When the next piece is due; undefined when there is none. */
  get nextAt(): number | undefined {
    return this.#pieces[0]?.dueAt;
  }
}
