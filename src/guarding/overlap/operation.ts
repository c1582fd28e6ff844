import type { QueryRunner } from "typeorm";
import type { ManagerUse } from "../../errors/overlapping-use-error";
import { firstOuterFrame, type CallSite } from "../call-site";
import { Flow } from "../flow";

/**
 * Something that was asked of TypeORM. All that goes on inside is its own business, whatever it does there at once: the
 * statements of a save, its listeners and subscribers.
 */
export class Operation extends Flow {
  /** The place that it takes up on its connection. */
  slot: Slot | undefined;
  /** The place for what the application does inside it, while that runs: in the callback of a transaction. */
  inner: Slot | undefined;
  /** The end of the transaction around it that has not waited for it, so that nothing of it may follow. */
  overtakenBy: Operation | undefined;
  #rest!: () => void;
  /** Resolves as soon as nothing is at work in it: it is done, or waits for the application. */
  readonly resting = new Promise<void>((resolve) => {
    this.#rest = resolve;
  });

  constructor(
    owner: object,
    /** Undefined for one that will take a connection of its own. */
    readonly queryRunner: QueryRunner | undefined,
    private readonly name: string,
    readonly callSite: CallSite | undefined,
  ) {
    super(owner);
  }

  rest(): void {
    this.#rest();
  }

  get use(): ManagerUse {
    const callSite = this.callSite === undefined ? undefined : firstOuterFrame(this.callSite);
    return { operation: this.name, callSite };
  }
}

/** A place for one operation at a time on a connection. */
export class Slot {
  #active: Operation | undefined;
  #end: Operation | undefined;

  /** What an operation that begins now would overlap with. */
  get obstacle(): Operation | undefined {
    return this.#active ?? this.#end;
  }

  /** The innermost place: the application may be in a transaction inside an operation. */
  get innermost(): Slot {
    return this.#active?.inner?.innermost ?? this;
  }

  enter(operation: Operation): void {
    this.#active = operation;
    operation.slot = this;
  }

  leave(operation: Operation): void {
    if (this.#active === operation) this.#active = undefined;
  }

  /** The place for what the application does inside an operation. */
  static inside(operation: Operation): Slot {
    const inner = new Slot();
    if (operation.slot !== undefined) inner.#end = operation.slot.#end;
    operation.inner = inner;
    operation.rest();
    return inner;
  }

  /** Lets nobody in any more. */
  close(end: Operation): void {
    this.#end = end;
  }

  /**
   * Lets nobody in any more, and waits until nothing is at work here. What waits for the application is not waited for: it
   * may wait for whoever ends this.
   *
   * @returns how many transactions were left open.
   */
  async end(end: Operation): Promise<number> {
    this.close(end);
    const active = this.#active;
    if (active === undefined) return 0;
    await active.resting;
    const { inner } = active;
    active.overtakenBy = end;
    return inner === undefined ? 0 : 1 + (await inner.end(end));
  }

  /** Lets the next ones in. */
  reopen(): void {
    this.#end = undefined;
    this.#active = undefined;
  }
}
