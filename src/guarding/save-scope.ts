import type { ObjectLiteral, QueryRunner } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import type { EntityDescription } from "../metadata/entity-description";
import type { Original } from "../tracking/original";
import type { CallSite } from "./call-site";
import type { GraphEntity, PersistMode } from "./entity-graph";
import type { GuardedRow } from "./guarded-row";
import type { RootLink } from "./root-link";
import type { Savepoint } from "./savepoint";

/**
 * What TypeORM's persistence sees instead of the conflicts, which are only complete once it has rolled back. It has no
 * stack trace: nobody is shown it, and the trace would take a tenth of the time that the refusal does.
 */
export class WriteRefused extends Error {
  /** The rows of the statement that did not find all of them as expected. */
  readonly rows: readonly GuardedRow[];

  constructor(rows: readonly GuardedRow[]) {
    const { stackTraceLimit } = Error;
    Reflect.set(Error, "stackTraceLimit", 0);
    super("A guarded write found its row changed.");
    Reflect.set(Error, "stackTraceLimit", stackTraceLimit);
    this.rows = rows;
  }
}

/**
 * Whose statement it is that runs in a save: `row`, of TypeORM's persistence, for one of the save's guarded rows;
 * `save`, of TypeORM's persistence, for anything else; `listener`, of a listener or subscriber that the save called.
 */
export type StatementOrigin = "row" | "save" | "listener";

export interface SaveScopeOptions {
  readonly mode: PersistMode;
  /** The save in whose listeners this one was called, if any. */
  readonly parent: SaveScope | undefined;
  /** Whether the save is one statement, which leaves nothing behind when it is refused; asked when it begins to write. */
  readonly isSingleStatement: () => boolean;
  /** The query runner whose open transaction the save would write in, asked when it begins to write. */
  readonly transaction: () => QueryRunner | undefined;
  readonly openSavepoint: (transaction: QueryRunner) => Promise<Savepoint>;
  /** Whether the save was called with a manager in an open transaction, where TypeORM opens none for it. */
  readonly isInCallersTransaction: boolean;
  /** Where the save was called, if anybody will ask. */
  readonly callSite: CallSite | undefined;
  /** Whether its rows are written whatever they hold. */
  readonly isUnchecked: boolean;
  /** Whether it may take the originals of its entities for what their rows held before it. */
  readonly goesByOriginals: boolean;
  /** What is done before the save's first statement, when all its rows have been read; undefined for nothing. */
  readonly prepare: (queryRunner: QueryRunner) => Promise<void> | undefined;
}

/** A guarded entity that has no key yet, and will have one when it is inserted. */
export interface UnsavedEntity {
  readonly description: EntityDescription;
  readonly entity: ObjectLiteral;
  readonly members: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]>;
}

/** One save, remove, softRemove or recover under way, and what it has found and done so far. */
export class SaveScope {
  /** Guarded rows by {@link rowKey}. */
  readonly rows = new Map<string, GuardedRow>();
  readonly unsaved: UnsavedEntity[] = [];
  /** The aggregate roots that the save may change. */
  readonly rootLinks: RootLink[] = [];
  /** The entities of the save that belong to aggregate roots. */
  readonly aggregateMembers: GraphEntity[] = [];
  /** The aggregate roots that it does change. */
  readonly raisedRoots = new Set<GuardedRow>();
  /** The rows it has read before writing, by {@link rowKey}; kept only where there are aggregate roots. */
  readonly found = new Map<string, Original>();
  /** The rows of which no other operation has the lock, or has been asked for, by {@link rowKey}. */
  readonly unlockedRows = new Set<string>();
  /** Whether a remove has found all its rows as expected under a lock, so that only itself can delete them. */
  holdsRows = false;
  readonly mode: PersistMode;
  readonly parent: SaveScope | undefined;
  readonly callSite: CallSite | undefined;
  readonly isUnchecked: boolean;
  readonly goesByOriginals: boolean;
  readonly #options: SaveScopeOptions;
  #hasOwnTransaction = false;
  #failure: { readonly error: unknown } | undefined;
  #tail: Promise<unknown> | undefined;
  #isWriting = false;
  #beginning: Promise<void> | undefined;
  #isPrepared = false;
  #preparing: Promise<void> | undefined;
  #savepoint: Savepoint | undefined;
  #joined: QueryRunner | undefined;

  constructor(options: SaveScopeOptions) {
    this.mode = options.mode;
    this.parent = options.parent;
    this.callSite = options.callSite;
    this.isUnchecked = options.isUnchecked;
    this.goesByOriginals = options.goesByOriginals;
    this.#options = options;
  }

  /** Whether the save has begun to write, which it does when all its rows have been read. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** The query runner in whose transaction, somebody else's, the save has written. */
  get joined(): QueryRunner | undefined {
    return this.#joined;
  }

  /** Whether what the save wrote is undone when it fails. */
  get isUndoable(): boolean {
    return this.#hasOwnTransaction || this.#savepoint !== undefined;
  }

  /** The row with this key, of this save or of one in whose listeners it was called. */
  findRow(key: string): GuardedRow | undefined {
    return this.rows.get(key) ?? this.parent?.findRow(key);
  }

  /**
   * Runs one statement of this save after those before it, unless one of the save's own has failed or was refused.
   * Outside PostgreSQL TypeORM starts the statements of a save all at once, and those that come late would be sent
   * after its rollback.
   */
  async write<T>(
    origin: StatementOrigin,
    queryRunner: QueryRunner | undefined,
    execute: () => Promise<T>,
  ): Promise<T> {
    const run = async (): Promise<T> => {
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#begin(origin);
      // Not before a listener's statement, which may be on another connection.
      if (origin !== "listener" && queryRunner !== undefined) {
        await this.#prepare(queryRunner);
      }
      return execute();
    };
    // A listener's statements are in an order of their own, and may be on another connection. What they meet is for the
    // listener to handle.
    if (origin === "listener") return run();
    const turn = (this.#tail ?? Promise.resolve()).then(run);
    this.#tail = turn.catch((error: unknown) => {
      this.#failure ??= { error };
    });
    return turn;
  }

  /**
   * Begins to write, where the save's statements are one after the other by themselves.
   *
   * @returns undefined where there is nothing to wait for.
   */
  begin(queryRunner: QueryRunner): Promise<void> | undefined {
    const beginning = this.#begin("row");
    return beginning === undefined
      ? this.#prepare(queryRunner)
      : beginning.then(() => this.#prepare(queryRunner));
  }

  /** Notes that a transaction was opened in the save's course: TypeORM's for it, which it rolls back when the save fails. */
  noteTransaction(): void {
    if (!this.isWriting && !this.#options.isInCallersTransaction) this.#hasOwnTransaction = true;
  }

  /** Refuses the save. */
  refuse(rows: readonly GuardedRow[]): never {
    throw new WriteRefused(rows);
  }

  /** Opens the savepoint that a refusal goes back to, if the save takes part in somebody else's transaction. */
  async openSavepoint(): Promise<void> {
    this.#join();
    if (this.#joined !== undefined) this.#savepoint ??= await this.#options.openSavepoint(this.#joined);
  }

  /** Ends a save that succeeded; undefined where there is nothing to wait for. */
  complete(): Promise<void> | undefined {
    return this.#savepoint?.release();
  }

  /** Ends a save that failed, and undoes what it wrote in somebody else's transaction. */
  async undo(): Promise<void> {
    await this.#tail;
    await this.#savepoint?.rollback();
  }

  #begin(origin: StatementOrigin): Promise<void> | undefined {
    if (this.#isWriting) return this.#beginning;
    this.#isWriting = true;
    const join = (): Promise<void> | undefined => {
      this.#join();
      const isAlone = origin !== "listener" && this.#options.isSingleStatement();
      return isAlone ? undefined : this.openSavepoint();
    };
    const outer = this.parent === undefined ? undefined : this.parent.#begin("listener");
    this.#beginning = outer === undefined ? join() : outer.then(join);
    return this.#beginning;
  }

  #prepare(queryRunner: QueryRunner): Promise<void> | undefined {
    if (!this.#isPrepared) {
      this.#isPrepared = true;
      this.#preparing = this.#options.prepare(queryRunner);
    }
    return this.#preparing;
  }

  #join(): void {
    if (!this.#hasOwnTransaction) this.#joined ??= this.#options.transaction();
  }
}
