import type { QueryRunner } from "typeorm";
import { OverlappingUseError, overlapMessage } from "../../errors/overlapping-use-error";
import { captureCallSite, type Callee } from "../call-site";
import { findAnyFlow, Flow } from "../flow";
import { CallbackFlow } from "./callback-flow";
import { Operation, Slot } from "./operation";

/** What of a guard the detector needs. */
export interface OverlapOwner {
  /** The query runner that everybody uses, where the DataSource has one connection. */
  readonly sharedQueryRunner: QueryRunner | undefined;
  /** Places in the application that have been warned of. */
  readonly warnedCallSites: Set<string>;
}

/** One thing that is asked of TypeORM. */
export interface Request {
  /** What it is, for messages: `a save`. */
  readonly name: string;
  /** What it was asked of; undefined for the DataSource. */
  readonly queryRunner: QueryRunner | undefined;
  /** The function that was called for it, while that is still on the stack. */
  readonly callee?: Callee;
  /** Whether it calls the application back, as a transaction does. */
  readonly callsBack?: boolean;
}

/** Where an operation would be. */
interface Place {
  readonly queryRunner: QueryRunner | undefined;
  /** The operation that it is a part of. */
  readonly inside?: Operation | undefined;
  /** Where it would overlap with others. */
  readonly slot?: Slot;
}

/**
 * Notices when two flows use one connection at once by query runners and managers that are bound to it. Operations are
 * compared and not statements: between the statements of a save others would do the same harm.
 *
 * The rule is that of Entity Framework Core's ConcurrencyDetector: enter, leave, re-entrant within one async flow.
 */
export class OverlapDetector {
  readonly #slots = new WeakMap<QueryRunner, Slot>();
  /** Query runners that an operation without one has made for itself. */
  readonly #makers = new WeakMap<QueryRunner, Operation>();

  constructor(
    private readonly owner: OverlapOwner,
    private readonly mode: "throw" | "warn",
  ) {}

  /**
   * Runs `work` as one operation.
   *
   * @throws OverlappingUseError
   */
  async operate<T>(request: Request, work: () => Promise<T>): Promise<T> {
    return this.#operate(request, work, (operation) => operation.slot?.leave(operation));
  }

  /** Like {@link operate}, for a stream, which uses the connection until it is closed. */
  async stream<T>(request: Request, work: () => Promise<T>): Promise<T> {
    let stream: Partial<NodeJS.ReadableStream> | undefined;
    return this.#operate(
      request,
      async () => (stream = (await work()) as Partial<NodeJS.ReadableStream>) as T,
      (operation) => {
        const leave = (): void => operation.slot?.leave(operation);
        if (stream?.once === undefined) leave();
        else for (const end of ["close", "end", "error"]) stream.once(end, leave);
      },
    );
  }

  /** Runs what is nobody's concern, whatever it does at once. */
  async ignore<T>(queryRunner: QueryRunner, work: () => Promise<T>): Promise<T> {
    if (this.#around(queryRunner) instanceof Operation) return work();
    return new Operation(this.owner, queryRunner, "", undefined).run(work);
  }

  /** Runs what rolls back: it waits for what is at work, and lets nobody in meanwhile. */
  async rollBack<T>(request: Request, work: () => Promise<T>): Promise<T> {
    const place = this.#placeOf(request);
    if (place.slot === undefined || this.mode === "warn") return this.operate(request, work);
    const rollback = this.#operationAt(place, request);
    const leftOpen = await place.slot.end(rollback);
    try {
      return await rollback.run(async () => {
        // TypeORM counts how deep it is: each call undoes the innermost savepoint that is open.
        for (let nested = 0; nested < leftOpen; nested++) await work();
        return work();
      });
    } finally {
      place.slot.reopen();
    }
  }

  /**
   * Runs the application's code inside the operation that the running code is: the callback of a transaction. Neither
   * its result nor its failure gets out while something that it has begun is at work.
   *
   * @param ending what comes after it, for messages: `the end of a transaction()`.
   * @throws OverlappingUseError when it has not awaited what it has begun.
   */
  async callBack<T>(queryRunner: QueryRunner, ending: string, callback: () => Promise<T>): Promise<T> {
    const operation = this.#around(queryRunner);
    if (!(operation instanceof Operation)) return callback();
    this.#occupy(queryRunner, operation);
    const slot = Slot.inside(operation);
    const end = new Operation(this.owner, queryRunner, ending, operation.callSite);
    try {
      const result = await new CallbackFlow(this.owner, queryRunner, operation, slot).run(callback);
      if (slot.obstacle !== undefined) this.#report(slot.obstacle, end);
      if (this.mode === "throw") slot.close(end);
      return result;
    } catch (error) {
      const leftOpen = this.mode === "throw" ? await slot.end(end) : 0;
      // TypeORM would undo the innermost savepoint that is open, and take it for this transaction.
      for (let nested = 0; nested < leftOpen; nested++) await undoQuietly(queryRunner);
      throw error;
    } finally {
      operation.inner = undefined;
    }
  }

  /** Hears of every query runner that is made. */
  noteMade(queryRunner: QueryRunner): void {
    const around = this.#around(undefined);
    if (isMaker(around)) this.#makers.set(queryRunner, around);
  }

  async #operate<T>(
    request: Request,
    work: () => Promise<T>,
    leave: (operation: Operation) => void,
  ): Promise<T> {
    const place = this.#placeOf(request);
    if (place.inside !== undefined) {
      const { overtakenBy } = place.inside;
      if (overtakenBy !== undefined) this.#report(overtakenBy, this.#operationAt(place, request));
      return work();
    }
    const operation = this.#operationAt(place, request);
    if (place.slot !== undefined) this.#enter(place.slot, operation);
    try {
      return await operation.run(work);
    } finally {
      operation.rest();
      leave(operation);
    }
  }

  #placeOf({ queryRunner: given }: Request): Place {
    const queryRunner = given ?? this.owner.sharedQueryRunner;
    const around = this.#around(queryRunner, given !== undefined);
    if (queryRunner === undefined) return { queryRunner, inside: isMaker(around) ? around : undefined };
    if (around instanceof Operation) return { queryRunner, inside: around };
    if (around !== undefined) return { queryRunner, slot: around.slot };
    // The one connection of a DataSource has many users beside each other, who take turns.
    const isShared = queryRunner === this.owner.sharedQueryRunner;
    if (given === undefined || (isShared && !queryRunner.isTransactionActive)) return { queryRunner };
    return { queryRunner, slot: this.#rootOf(queryRunner).innermost };
  }

  #enter(slot: Slot, operation: Operation): void {
    if (slot.obstacle === undefined) slot.enter(operation);
    else this.#report(slot.obstacle, operation);
  }

  // A transaction that has made its own query runner holds it from its callback on.
  #occupy(queryRunner: QueryRunner, operation: Operation): void {
    if (operation.slot === undefined && queryRunner !== this.owner.sharedQueryRunner) {
      this.#rootOf(queryRunner).enter(operation);
    }
  }

  #operationAt({ queryRunner, slot }: Place, { callee, callsBack, name }: Request): Operation {
    const isAsked = callee !== undefined && (slot !== undefined || callsBack === true);
    return new Operation(this.owner, queryRunner, name, isAsked ? captureCallSite(callee) : undefined);
  }

  #rootOf(queryRunner: QueryRunner): Slot {
    let slot = this.#slots.get(queryRunner);
    if (slot === undefined) {
      slot = new Slot();
      this.#slots.set(queryRunner, slot);
    }
    return slot;
  }

  /** The innermost operation or callback on the connection that the running code is in. */
  #around(queryRunner: QueryRunner | undefined, isBound = true): Operation | CallbackFlow | undefined {
    return findAnyFlow(this.owner, Flow, (flow) => this.#isOn(queryRunner, isBound, flow)) as
      Operation | CallbackFlow | undefined;
  }

  #isOn(queryRunner: QueryRunner | undefined, isBound: boolean, flow: Flow): boolean {
    if (flow instanceof CallbackFlow) {
      // The manager of a transaction that has ended would go on by itself where everybody shares it.
      const isLeftover = isBound && queryRunner === this.owner.sharedQueryRunner;
      return (!flow.isOver || !flow.operation.isOver || isLeftover) && isSame(queryRunner, flow.queryRunner);
    }
    if (!(flow instanceof Operation) || flow.isOver) return false;
    return (
      isSame(queryRunner, flow.queryRunner) ||
      (queryRunner !== undefined && this.#makers.get(queryRunner) === flow)
    );
  }

  #report(running: Operation, second: Operation): void {
    if (this.mode === "throw") throw new OverlappingUseError(running.use, second.use);
    const { use } = second;
    const line = `${use.operation} ${use.callSite ?? running.use.callSite ?? ""}`;
    if (this.owner.warnedCallSites.has(line)) return;
    this.owner.warnedCallSites.add(line);
    process.emitWarning(overlapMessage(running.use, use, "was begun although"), {
      type: "OverlappingUseWarning",
    });
  }
}

// What fails here fails again when the transaction around it is rolled back.
async function undoQuietly(queryRunner: QueryRunner): Promise<void> {
  await queryRunner.rollbackTransaction().catch(() => undefined);
}

/** Whether query runners that are made now are made by it for itself. */
function isMaker(around: Operation | CallbackFlow | undefined): around is Operation {
  return around instanceof Operation && around.queryRunner === undefined;
}

/** Work without a query runner belongs to whatever it is in the middle of. */
function isSame(queryRunner: QueryRunner | undefined, other: QueryRunner | undefined): boolean {
  return queryRunner === undefined || queryRunner === other;
}
