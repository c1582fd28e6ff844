import type { QueryRunner } from "typeorm";

/**
 * What to put back into entities when a transaction is rolled back: one list per open transaction or savepoint of
 * a query runner, innermost last.
 */
export class TokenJournal {
  readonly #frames = new WeakMap<QueryRunner, (() => void)[][]>();

  /** A transaction or savepoint was opened. */
  begin(queryRunner: QueryRunner): void {
    const frames = this.#frames.get(queryRunner);
    if (frames === undefined) this.#frames.set(queryRunner, [[]]);
    else frames.push([]);
  }

  /** Forgets what an earlier transaction of the query runner has left because its end was never heard of. */
  forget(queryRunner: QueryRunner): void {
    this.#frames.delete(queryRunner);
  }

  /** Whether no savepoint is open inside the query runner's transaction. */
  isOutermost(queryRunner: QueryRunner): boolean {
    return (this.#frames.get(queryRunner)?.length ?? 0) <= 1;
  }

  /** Keeps `restore` until the transaction is over; without an open transaction there is nothing to go back to. */
  record(queryRunner: QueryRunner, restore: () => void): void {
    this.#frames.get(queryRunner)?.at(-1)?.push(restore);
  }

  /** The innermost transaction or savepoint was committed; what encloses it can still be rolled back. */
  commit(queryRunner: QueryRunner): void {
    const committed = this.#frames.get(queryRunner)?.pop() ?? [];
    this.#frames
      .get(queryRunner)
      ?.at(-1)
      ?.push(...committed);
  }

  /** The innermost transaction or savepoint is being rolled back: restores, latest first. */
  rollback(queryRunner: QueryRunner): void {
    const undone = this.#frames.get(queryRunner)?.pop() ?? [];
    for (const restore of undone.reverse()) restore();
  }
}
