import { errorMonitor } from "node:events";
import type { Readable } from "node:stream";
import type { QueryRunner } from "typeorm";
import { OverlappingUseError, overlapMessage } from "../../errors/overlapping-use-error";
import { captureCallSite, type Callee, type CallSite } from "../call-site";
import { CallbackFlow } from "./callback-flow";
import { Operation, Slot, transactionDepth } from "./operation";
import { isWithoutConnection, surroundings, type ConnectionOwner } from "./surroundings";

/** What of a guard the detector needs. */
export interface OverlapOwner extends ConnectionOwner {
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
  /** Whether it begins or ends a transaction, and so concerns all that is done by the query runner. */
  readonly isBorder?: boolean;
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
 * A stack trace costs as much as a small query is prepared in. Where nothing is refused, an application that has done so
 * many operations without an overlap pays for no more of them until there is one.
 */
const callSitesNoted = 100;

/**
 * Notices when two flows use one connection at once by query runners and managers that are bound to it. Operations are
 * compared and not statements: between the statements of a save others would do the same harm.
 *
 * The rule is that of Entity Framework Core's ConcurrencyDetector: enter, leave, re-entrant within one async flow.
 */
export class OverlapDetector {
  readonly #slots = new WeakMap<QueryRunner, Slot>();
  /** How many more operations note where they were called, should another one overlap with them. */
  #callSitesToNote: number;

  constructor(
    private readonly owner: OverlapOwner,
    private readonly mode: "throw" | "warn",
  ) {
    this.#callSitesToNote = mode === "throw" ? Infinity : callSitesNoted;
  }

  /**
   * Runs `work` as one operation.
   *
   * @throws OverlappingUseError
   */
  operate<T>(request: Request, work: () => Promise<T>): Promise<T> {
    return this.#operate(request, work, (operation) => operation.slot?.leave(operation));
  }

  /** Like {@link operate}, for a stream, which uses the connection until it is closed. */
  stream<T>(request: Request, work: () => Promise<T>): Promise<T> {
    let stream: Readable | undefined;
    return this.#operate(
      request,
      async () => {
        const made = await work();
        stream = made as Readable;
        return made;
      },
      (operation) => {
        const leave = (): void => operation.slot?.leave(operation);
        if (stream === undefined) leave();
        for (const end of ["close", "end", errorMonitor]) stream?.prependOnceListener(end, leave);
        operation.hasLeft = () => stream?.destroyed === true;
      },
    );
  }

  /** Runs what is nobody's concern, whatever it does at once. */
  async ignore<T>(queryRunner: QueryRunner, work: () => Promise<T>): Promise<T> {
    if (this.#around(queryRunner) instanceof Operation) return work();
    return this.#operationFor(queryRunner, "").run(work);
  }

  /** Runs what rolls back: it waits for the statements that are on their way, and lets nobody in meanwhile. */
  async rollBack<T>(request: Request, work: () => Promise<T>): Promise<T> {
    const place = this.#placeOf(request);
    const { queryRunner, slot } = place;
    if (slot === undefined || this.mode === "warn") return this.operate(request, work);
    const rollback = this.#operationAt(place, request);
    const depth = await slot.end(rollback);
    try {
      return await rollback.run(async () => {
        // Each call undoes the innermost savepoint that is open.
        while (depth !== undefined && transactionDepth(queryRunner) > depth) await work();
        return work();
      });
    } finally {
      slot.reopen();
    }
  }

  /**
   * Runs the application's code inside the operation that the running code is: the callback of a transaction. When it has
   * settled, nothing that it has begun can reach the connection any more.
   *
   * @param ending what comes after it, for messages: `the end of a transaction()`.
   * @throws OverlappingUseError when it has not awaited what it has begun.
   */
  async callBack<T>(queryRunner: QueryRunner, ending: string, callback: () => Promise<T>): Promise<T> {
    const operation = this.#around(queryRunner);
    if (!(operation instanceof Operation) || !operation.callsBack) return callback();
    this.#occupy(queryRunner, operation);
    const slot = Slot.inside(operation);
    const end = this.#operationFor(queryRunner, ending, operation.callSite);
    try {
      const result = await new CallbackFlow(this.owner, queryRunner, operation, slot).run(callback);
      const overlap = slot.obstacle && this.#overlapOf(slot.obstacle, end);
      if (overlap !== undefined) throw overlap;
      if (this.mode === "throw") slot.close(end);
      return result;
    } catch (error) {
      if (this.mode === "throw") await undoTo(await slot.end(end), queryRunner);
      throw error;
    } finally {
      operation.inner = undefined;
    }
  }

  /** Hears of every query runner that is made. */
  noteMade(queryRunner: QueryRunner): void {
    const around = this.#around(undefined);
    if (isWithoutConnection(around)) around.noteMade(queryRunner);
  }

  #operate<T>(request: Request, work: () => Promise<T>, leave: (operation: Operation) => void): Promise<T> {
    const place = this.#placeOf(request);
    const { inside, slot } = place;
    const obstacle = inside === undefined ? slot?.obstacle : inside.overtakenBy;
    if (inside !== undefined && obstacle === undefined) return inside.step(work);
    const operation = this.#operationAt(place, request, obstacle !== undefined);
    if (obstacle === undefined) slot?.enter(operation);
    const overlap = obstacle && this.#overlapOf(obstacle, operation);
    if (overlap !== undefined) return Promise.reject(overlap);
    return inside === undefined ? operation.run(work, leave) : inside.step(work);
  }

  #placeOf({ isBorder = false, queryRunner: given }: Request): Place {
    const queryRunner = given ?? this.owner.sharedQueryRunner;
    const around = this.#around(queryRunner, given !== undefined);
    if (queryRunner === undefined) {
      return { queryRunner, inside: isWithoutConnection(around) ? around : undefined };
    }
    if (around instanceof Operation) return { queryRunner, inside: around };
    if (around !== undefined) return { queryRunner, slot: around.slot };
    // The one connection of a DataSource has many users beside each other, who take turns.
    const isShared = queryRunner === this.owner.sharedQueryRunner;
    if (given === undefined || (isShared && !queryRunner.isTransactionActive)) return { queryRunner };
    const root = this.#rootOf(queryRunner);
    // Whoever has got hold of a transaction's manager may use it while its own callback does not.
    return { queryRunner, slot: (isBorder ? undefined : this.#calledBackAt(root)) ?? root };
  }

  #calledBackAt({ active }: Slot): Slot | undefined {
    return active?.depthBefore === 0 ? active.inner : undefined;
  }

  // A transaction that has made its own query runner holds it from its callback on.
  #occupy(queryRunner: QueryRunner, operation: Operation): void {
    if (operation.slot === undefined && queryRunner !== this.owner.sharedQueryRunner) {
      this.#rootOf(queryRunner).enter(operation);
    }
  }

  #operationAt(
    { queryRunner, slot }: Place,
    { callee, callsBack = false, name }: Request,
    isReported = false,
  ): Operation {
    const mayBeAsked = isReported || ((slot !== undefined || callsBack) && this.#callSitesToNote-- > 0);
    const callSite = mayBeAsked && callee !== undefined ? captureCallSite(callee) : undefined;
    return new Operation(this.owner, { name, queryRunner, callSite, callsBack });
  }

  #operationFor(queryRunner: QueryRunner, name: string, callSite?: CallSite): Operation {
    return new Operation(this.owner, { name, queryRunner, callSite, callsBack: false });
  }

  #rootOf(queryRunner: QueryRunner): Slot {
    let slot = this.#slots.get(queryRunner);
    if (slot === undefined) {
      slot = new Slot();
      this.#slots.set(queryRunner, slot);
    }
    return slot;
  }

  #around(queryRunner: QueryRunner | undefined, isBound = true): Operation | CallbackFlow | undefined {
    return surroundings(this.owner, queryRunner, isBound);
  }

  /** @returns what to refuse the second one with; undefined where that is only warned of. */
  #overlapOf(running: Operation, second: Operation): OverlappingUseError | undefined {
    if (this.mode === "throw") return new OverlappingUseError(running.use, second.use);
    const { use } = second;
    const line = `${use.operation} ${use.callSite ?? running.use.callSite ?? ""}`;
    if (this.owner.warnedCallSites.has(line)) return undefined;
    this.owner.warnedCallSites.add(line);
    this.#callSitesToNote = Infinity;
    process.emitWarning(overlapMessage(running.use, use, "was begun although"), {
      type: "OverlappingUseWarning",
    });
    return undefined;
  }
}

// TypeORM would undo the innermost savepoint that is open, and take it for the transaction around it.
async function undoTo(depth: number | undefined, queryRunner: QueryRunner): Promise<void> {
  if (depth === undefined) return;
  try {
    while (transactionDepth(queryRunner) > depth) await queryRunner.rollbackTransaction();
  } catch {
    // The connection is lost, and the transaction with it.
  }
}
