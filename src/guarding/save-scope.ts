import type { ObjectLiteral, QueryRunner } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import type { CallSite } from "./call-site";
import type { PersistMode } from "./entity-graph";
import type { GuardedRow } from "./guarded-row";

/** What TypeORM's persistence sees instead of the conflicts, which are only complete once it has rolled back. */
export class WriteRefused extends Error {
  constructor(
    /** The rows of the statement that did not find all of them as expected. */
    readonly rows: readonly GuardedRow[],
  ) {
    super("A guarded write found its row changed.");
  }
}

/** One save, remove, softRemove or recover under way, and what it has found and done so far. */
export class SaveScope {
  /** Guarded rows by {@link rowKey}. */
  readonly rows = new Map<string, GuardedRow>();
  /** Guarded entities that have no key yet, and will have one when they are inserted. */
  readonly unsaved: { readonly description: EntityDescription; readonly entity: ObjectLiteral }[] = [];
  /** Whether a remove has found all its rows as expected under a lock, so that only itself can delete them. */
  holdsRows = false;
  #refusal: WriteRefused | undefined;
  #tail: Promise<unknown> = Promise.resolve();
  #hasWritten = false;
  #savepoint: QueryRunner | undefined;

  constructor(
    readonly mode: PersistMode,
    /** The save in whose listeners this one was called, if any. */
    readonly parent: SaveScope | undefined,
    /** The query runner whose open transaction this save takes part in, if there is one that can hold a savepoint. */
    readonly outer: QueryRunner | undefined,
    /** Whether the save is one statement, which leaves nothing behind when it is refused. */
    readonly isSingleStatement: boolean,
    /** Where the save was called, if anybody will ask. */
    readonly callSite: CallSite | undefined,
  ) {}

  /** Whether the save has begun to write, which it does when all its rows have been read. */
  get isWriting(): boolean {
    return this.#hasWritten;
  }

  /**
   * Runs one statement of this save, after those before it, unless the save has been refused meanwhile. Outside
   * PostgreSQL TypeORM starts the statements of a save all at once, and would go on with them after a refusal.
   */
  async write<T>(execute: () => Promise<T>, isOwnRow: boolean): Promise<T> {
    const turn = this.#tail.then(async () => {
      if (this.#refusal !== undefined) throw this.#refusal;
      await this.#beforeWrite(isOwnRow);
      return execute();
    });
    this.#tail = turn.catch(() => undefined);
    return turn;
  }

  /** Refuses the save: no later statement of it is sent. */
  refuse(rows: readonly GuardedRow[]): never {
    this.#refusal ??= new WriteRefused(rows);
    throw this.#refusal;
  }

  /** Releases the savepoint of a save that succeeded. */
  async complete(): Promise<void> {
    await this.#savepoint?.commitTransaction();
  }

  /** Undoes what a failed save wrote in the caller's transaction. */
  async undo(): Promise<void> {
    // Where the connection is lost the savepoint is too, and the save's own error is the one to hear of.
    await this.#savepoint?.rollbackTransaction().catch(() => undefined);
  }

  /** Opens the savepoint that a refusal goes back to, where nothing else would undo the save's statements. */
  async openSavepoint(): Promise<void> {
    if (this.outer === undefined || this.#savepoint !== undefined) return;
    await this.outer.startTransaction();
    this.#savepoint = this.outer;
  }

  async #beforeWrite(isOwnRow: boolean): Promise<void> {
    if (this.#hasWritten) return;
    this.#hasWritten = true;
    if (this.parent !== undefined) await this.parent.#beforeWrite(false);
    if (!isOwnRow || !this.isSingleStatement) await this.openSavepoint();
  }
}
