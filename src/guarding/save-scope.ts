import type { ObjectLiteral } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { CallSite } from "./call-site";
import type { PersistMode } from "./entity-graph";
import type { GuardedRow } from "./guarded-row";
import type { Savepoint } from "./savepoint";

/** What TypeORM's persistence sees instead of the conflicts, which are only complete once it has rolled back. */
export class WriteRefused extends Error {
  constructor(
    /** The rows of the statement that did not find all of them as expected. */
    readonly rows: readonly GuardedRow[],
  ) {
    super("A guarded write found its row changed.");
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
  /** Whether the save is one statement, which leaves nothing behind when it is refused. */
  readonly isSingleStatement: boolean;
  /** Opens a savepoint in the caller's transaction; undefined where TypeORM opens a transaction for the save. */
  readonly openSavepoint: (() => Promise<Savepoint>) | undefined;
  /** Where the save was called, if anybody will ask. */
  readonly callSite: CallSite | undefined;
}

/** One save, remove, softRemove or recover under way, and what it has found and done so far. */
export class SaveScope {
  /** Guarded rows by {@link rowKey}. */
  readonly rows = new Map<string, GuardedRow>();
  /** Guarded entities that have no key yet, and will have one when they are inserted. */
  readonly unsaved: { readonly description: EntityDescription; readonly entity: ObjectLiteral }[] = [];
  /** Whether a remove has found all its rows as expected under a lock, so that only itself can delete them. */
  holdsRows = false;
  readonly mode: PersistMode;
  readonly parent: SaveScope | undefined;
  readonly callSite: CallSite | undefined;
  readonly #options: SaveScopeOptions;
  #failure: { readonly error: unknown } | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #savepoint: Savepoint | undefined;
  #isWriting = false;
  #isOver = false;

  constructor(options: SaveScopeOptions) {
    this.mode = options.mode;
    this.parent = options.parent;
    this.callSite = options.callSite;
    this.#options = options;
  }

  /** Whether the save has begun to write, which it does when all its rows have been read. */
  get isWriting(): boolean {
    return this.#isWriting;
  }

  /** Whether the save has ended; what its listeners left running is not part of it. */
  get isOver(): boolean {
    return this.#isOver;
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
  async write<T>(origin: StatementOrigin, execute: () => Promise<T>): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#failure !== undefined) throw this.#failure.error;
      await this.#beforeWrite(origin);
      return execute();
    });
    this.#tail = turn.catch((error: unknown) => {
      // What a listener's own statement meets is for the listener to handle.
      if (origin !== "listener") this.#failure ??= { error };
    });
    return turn;
  }

  /** Refuses the save. */
  refuse(rows: readonly GuardedRow[]): never {
    throw new WriteRefused(rows);
  }

  /** Opens the savepoint that a refusal goes back to, in the caller's transaction. */
  async openSavepoint(): Promise<void> {
    this.#savepoint ??= await this.#options.openSavepoint?.();
  }

  /** Ends a save that succeeded. */
  async complete(): Promise<void> {
    this.#isOver = true;
    await this.#savepoint?.release();
  }

  /** Ends a save that failed, and undoes what it wrote in the caller's transaction. */
  async undo(): Promise<void> {
    await this.#tail;
    this.#isOver = true;
    await this.#savepoint?.rollback();
  }

  async #beforeWrite(origin: StatementOrigin): Promise<void> {
    if (this.#isWriting) return;
    this.#isWriting = true;
    if (this.parent !== undefined) await this.parent.#beforeWrite("listener");
    if (origin !== "row" || !this.#options.isSingleStatement) await this.openSavepoint();
  }
}
