import type { Waiter } from "./circular-wait";

/** A run that has a turn, alone or together with others. */
export interface TurnMember extends Waiter {
  /** Makes it look whether it may go on. */
  wake(): void;
}

/** The outermost run, with whose unit of work everything commits that is done in its turns. */
export interface TurnOwner extends Waiter {
  readonly hasSettled: boolean;
}

/**
 * The stay of one outermost run under one key: its own, or that of runs inside it, which come one after the other. It lasts
 * until the outermost run has settled, since nothing is committed before.
 */
export class Turn implements Waiter {
  readonly #members: TurnMember[] = [];

  constructor(readonly owner: TurnOwner) {}

  get isEmpty(): boolean {
    return this.#members.length === 0;
  }

  /** The member that has the turn when the turn has come. */
  get first(): TurnMember | undefined {
    return this.#members[0];
  }

  add(member: TurnMember): void {
    this.#members.push(member);
  }

  remove(member: TurnMember): void {
    const index = this.#members.indexOf(member);
    if (index >= 0) this.#members.splice(index, 1);
  }

  /** What stands before a member of it. */
  aheadOf(member: TurnMember): TurnMember | undefined {
    return this.#members[this.#members.indexOf(member) - 1];
  }

  /** What has to end before the turn has ended. */
  *waitsFor(): Iterable<Waiter> {
    if (!this.owner.hasSettled) yield this.owner;
    yield* this.#members;
  }
}
