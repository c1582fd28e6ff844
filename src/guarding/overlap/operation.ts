import type { QueryRunner } from "typeorm";
import type { ManagerUse } from "../../errors/overlapping-use-error";
import { firstOuterFrame, type CallSite } from "../call-site";
import { Flow } from "../flow";

export interface OperationOptions {
  /** What it is, for messages: `a save`. */
  readonly name: string;
  /** Undefined for one that will take a connection of its own. */
  readonly queryRunner: QueryRunner | undefined;
  readonly callSite: CallSite | undefined;
  /** Whether it calls the application back, as a transaction does. */
  readonly callsBack: boolean;
}

/**
 * Something that was asked of TypeORM. All that goes on inside is its own business, whatever it does there at once: the
 * statements of a save, its listeners and subscribers.
 */
export class Operation extends Flow {
  /** The place that it takes up on its connection. */
  slot: Slot | undefined;
  /** The place for what the application does inside it, while that is called back. */
  inner: Slot | undefined;
  /** What has ended the transaction around it without waiting for it, so that nothing of it may follow. */
  overtakenBy: Operation | undefined;
  /** Whether it has let its place go without saying so. */
  hasLeft: () => boolean = isStillThere;
  /** How many transactions were open inside each other when it began. */
  readonly depthBefore: number;
  #steps: Set<Promise<unknown>> | undefined;
  #made: Set<QueryRunner> | undefined;

  constructor(
    owner: object,
    private readonly options: OperationOptions,
  ) {
    super(owner);
    this.depthBefore = transactionDepth(options.queryRunner);
  }

  get queryRunner(): QueryRunner | undefined {
    return this.options.queryRunner;
  }

  get callSite(): CallSite | undefined {
    return this.options.callSite;
  }

  get callsBack(): boolean {
    return this.options.callsBack;
  }

  get use(): ManagerUse {
    const { callSite, name } = this.options;
    return { operation: name, callSite: callSite === undefined ? undefined : firstOuterFrame(callSite) };
  }

  /** Notes a query runner that was made in it: its own, or one for what its subscribers ask of the DataSource. */
  noteMade(queryRunner: QueryRunner): void {
    (this.#made ??= new Set()).add(queryRunner);
  }

  /** Whether it is by this query runner. One that has made none has been given the first that is used in it. */
  isBy(queryRunner: QueryRunner): boolean {
    if (this.queryRunner !== undefined) return this.queryRunner === queryRunner;
    if (this.#made === undefined) this.noteMade(queryRunner);
    return this.#made?.has(queryRunner) === true;
  }

  /** Runs something of it that uses the connection. */
  step<T>(work: () => Promise<T>): Promise<T> {
    const step = work();
    const steps = (this.#steps ??= new Set());
    const done = (): void => void steps.delete(step);
    steps.add(step);
    step.then(done, done);
    return step;
  }

  /** Lets no further step of it, and of what is inside it, be made. */
  overtake(end: Operation): void {
    this.overtakenBy = end;
    this.inner?.close(end);
  }

  /** Waits for the steps that are being made. */
  async quiet(): Promise<void> {
    while (this.#steps !== undefined && this.#steps.size > 0) await Promise.allSettled(this.#steps);
    await this.inner?.quiet();
  }
}

const isStillThere = (): boolean => false;

/** A place for one operation at a time on a connection. */
export class Slot {
  #active: Operation | undefined;
  #end: Operation | undefined;

  /** The place for what the application does inside an operation. */
  static inside(operation: Operation): Slot {
    const inner = new Slot();
    if (operation.overtakenBy !== undefined) inner.close(operation.overtakenBy);
    operation.inner = inner;
    return inner;
  }

  /** The operation that is here. */
  get active(): Operation | undefined {
    if (this.#active?.hasLeft() === true) this.#active = undefined;
    return this.#active;
  }

  /** What an operation that begins now would overlap with. */
  get obstacle(): Operation | undefined {
    return this.active ?? this.#end;
  }

  enter(operation: Operation): void {
    this.#active = operation;
    operation.slot = this;
  }

  leave(operation: Operation): void {
    if (this.#active === operation) this.#active = undefined;
  }

  /** Lets nobody in any more, and nothing go on that is here. */
  close(end: Operation): void {
    this.#end = end;
    this.#active?.overtake(end);
  }

  async quiet(): Promise<void> {
    await this.#active?.quiet();
  }

  /**
   * Closes the place, and waits for the statements that are on their way. Not for whole operations: they may wait for the
   * application, and that for the connection that is about to be given back.
   *
   * @returns how many transactions are to be open inside each other when what was here is undone; undefined for nothing.
   */
  async end(end: Operation): Promise<number | undefined> {
    const depth = this.active?.depthBefore;
    this.close(end);
    await this.quiet();
    return depth;
  }

  /** Lets the next ones in. */
  reopen(): void {
    this.#end = undefined;
    this.#active = undefined;
  }
}

/** As TypeORM counts them. */
export function transactionDepth(queryRunner: QueryRunner | undefined): number {
  return (queryRunner as { readonly transactionDepth?: number } | undefined)?.transactionDepth ?? 0;
}
