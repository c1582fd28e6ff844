import type { QueryRunner } from "typeorm";
import type { Guard } from "./guard";

let opened = 0;

/**
 * A savepoint of the guard's own in the caller's transaction. It is made by its SQL and not as a nested transaction of
 * TypeORM's: subscribers would hear of a commit that is none.
 */
export class Savepoint {
  readonly #name = `typeorm_concurrency_${++opened}`;

  private constructor(
    private readonly guard: Guard,
    private readonly queryRunner: QueryRunner,
  ) {}

  static async open(guard: Guard, queryRunner: QueryRunner): Promise<Savepoint> {
    const savepoint = new Savepoint(guard, queryRunner);
    await queryRunner.query(`SAVEPOINT ${savepoint.#name}`);
    guard.journal.begin(queryRunner);
    return savepoint;
  }

  async release(): Promise<void> {
    await this.queryRunner.query(`RELEASE SAVEPOINT ${this.#name}`);
    this.guard.journal.commit(this.queryRunner);
  }

  /** Where the connection or the transaction is lost the savepoint is too, and there is nothing left to undo. */
  async rollback(): Promise<void> {
    this.guard.journal.rollback(this.queryRunner);
    await this.queryRunner.query(`ROLLBACK TO SAVEPOINT ${this.#name}`).catch(() => undefined);
  }
}

/** Runs `work` in a savepoint of its own, and undoes it when it fails. */
export async function inSavepoint<T>(
  guard: Guard,
  queryRunner: QueryRunner,
  work: () => Promise<T>,
): Promise<T> {
  const savepoint = await Savepoint.open(guard, queryRunner);
  try {
    const result = await work();
    await savepoint.release();
    return result;
  } catch (error) {
    await savepoint.rollback();
    throw error;
  }
}
