import type { DataSource, QueryRunner } from "typeorm";
import { LocksUnavailableError } from "../../errors/locks-unavailable-error";
import { OuterTransactionError } from "../../errors/outer-transaction-error";
import { busyTimeoutMs, hasSingleConnection } from "../../metadata/dialect";
import { dataSourceOf } from "../../metadata/data-source-of";
import { KeyedTurns } from "./keyed-turns";
import { LockStatements } from "./lock-statements";
import { lockDialectOf, type LockDialect } from "./lock-tables";
import { untilNotBusy } from "./until-not-busy";

// Of one process: TypeORM mixes up transactions that are begun at once on one connection, and of two connections of one file
// the one that has to wait would hold up the process, with the other one in it.
const fileTurns = new KeyedTurns();

// A process that stands still in the middle of a claim would hold up everybody else's. MySQL has a bound by itself.
const boundedTransaction =
  `SELECT set_config('lock_timeout', '5000', true), ` +
  `set_config('idle_in_transaction_session_timeout', '5000', true)`;

type Work<T> = (statements: LockStatements) => Promise<T>;

/**
 * The connections that the database backend works by. Never that of somebody's transaction, except to look: locks have to be
 * there for others at once, and to stay when that is rolled back.
 */
export class LockConnection {
  readonly dialect: LockDialect;

  constructor(private readonly dataSource: DataSource) {
    this.dialect = lockDialectOf(dataSource);
  }

  /** Runs statements that only read, by `queryRunner` where it is one of the same DataSource. */
  async look<T>(queryRunner: QueryRunner | undefined, work: Work<T>): Promise<T> {
    return this.#available(() =>
      queryRunner !== undefined && dataSourceOf(queryRunner) === this.dataSource
        ? work(this.#statements(queryRunner))
        : this.#byOwn((own) => work(this.#statements(own))),
    );
  }

  /** Runs statements that need not be in one transaction. */
  async run<T>(work: Work<T>): Promise<T> {
    return hasSingleConnection(this.dataSource) ? this.transaction(work) : this.look(undefined, work);
  }

  /**
   * Runs statements in a transaction of their own, in which each sees what others have committed before it.
   *
   * @throws OuterTransactionError on SQLite inside a transaction.
   */
  async transaction<T>(work: Work<T>): Promise<T> {
    if (hasSingleConnection(this.dataSource)) {
      const patienceMs = busyTimeoutMs(this.dataSource);
      return fileTurns.take(fileOf(this.dataSource), () =>
        this.#available(() => untilNotBusy(patienceMs, () => this.#byShared(work))),
      );
    }
    // Not by the DataSource's transaction(), which would be part of a unit of work around it.
    return this.#available(() =>
      this.#byOwn(async (queryRunner) => {
        await queryRunner.startTransaction("READ COMMITTED");
        try {
          if (this.dialect === "postgres") await queryRunner.query(boundedTransaction);
          const result = await work(this.#statements(queryRunner));
          await queryRunner.commitTransaction();
          return result;
        } catch (error) {
          if (queryRunner.isTransactionActive) await queryRunner.rollbackTransaction().catch(() => undefined);
          throw error;
        }
      }),
    );
  }

  async #byOwn<T>(work: (queryRunner: QueryRunner) => Promise<T>): Promise<T> {
    const queryRunner = this.dataSource.createQueryRunner("master");
    try {
      return await work(queryRunner);
    } finally {
      await queryRunner.release();
    }
  }

  async #byShared<T>(work: Work<T>): Promise<T> {
    return this.dataSource.transaction(async ({ queryRunner }) => {
      const { transactionDepth } = queryRunner as unknown as { readonly transactionDepth: number };
      if (queryRunner === undefined || transactionDepth > 1) {
        throw new OuterTransactionError(
          "a transaction",
          `Locks were to be changed inside a transaction. SQLite has one connection, so they would be part of it, and gone when ` +
            `it is rolled back. Acquire before it begins, and release when it has ended.`,
        );
      }
      return work(this.#statements(queryRunner));
    });
  }

  async #available<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      if (error instanceof OuterTransactionError) throw error;
      throw new LocksUnavailableError("database", explanation(error), error);
    }
  }

  #statements(queryRunner: QueryRunner): LockStatements {
    return new LockStatements(queryRunner, this.dialect);
  }
}

function fileOf(dataSource: DataSource): unknown {
  const { database } = dataSource.options;
  return typeof database === "string" && database !== ":memory:" ? database : dataSource;
}

const missingTable = /no such table|does not exist|doesn't exist/i;

function explanation(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return missingTable.test(message)
    ? `their tables are missing (${message}). Run the migration CreateLockTables, or createLockTables(dataSource) once.`
    : `the database failed with: ${message}`;
}
