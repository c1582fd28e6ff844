import { setImmediate } from "node:timers/promises";
import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import { isFragile } from "../fragile-entity";
import type { Guard } from "../guard";
import type { GuardedRow } from "../guarded-row";
import { isToldOfTransactions } from "../observers";
import { inTransaction } from "../primary";
import { requireCount } from "../required-count";
import type { SaveScope } from "../save-scope";
import { readRows } from "../token-reader";
import { columnValue, type Column } from "../../metadata/column";
import { batchesOf, type DirectBatch } from "./direct-batch";
import type { DirectPlan } from "./direct-plan";
import type { DirectRow } from "./direct-row";
import { noteRemoved, noteUpdated, returnedRows, type AfterUpdate } from "./direct-results";

interface QueryResult {
  readonly raw?: unknown;
  readonly records?: readonly Readonly<Record<string, unknown>>[];
  readonly affected?: number | null;
}

/**
 * Writes what a save or remove comes to by as few statements as there can be. Each of them finds all its rows as expected,
 * or the save is refused.
 */
export class DirectWrite {
  /** The rows of the statement that did not find all of them as expected; nothing was sent after it. */
  refused: readonly GuardedRow[] = [];
  readonly #batches: readonly DirectBatch[];

  constructor(
    private readonly guard: Guard,
    private readonly scope: SaveScope,
    private readonly plan: DirectPlan,
  ) {
    this.#batches = batchesOf(scope.mode, plan.rows);
  }

  /** Whether it is a statement on one row, which leaves nothing behind when it is refused. */
  get isSingleStatement(): boolean {
    const [first, second] = this.#batches;
    return second === undefined && first?.rows.length === 1 && !first.form.isReadAfter;
  }

  execute(queryRunner: QueryRunner): Promise<void> {
    if (this.plan.unchanged.length === 0) return this.#writeAll(queryRunner);
    return this.#refuseGone(queryRunner).then(() => this.#writeAll(queryRunner));
  }

  // TypeORM would insert it again.
  async #refuseGone(queryRunner: QueryRunner): Promise<void> {
    const { plan } = this;
    const found = await this.#read(queryRunner, plan.unchanged, () => []);
    this.refused = plan.unchanged.filter((row) => !found.has(row));
    for (const row of this.refused) row.isAbsent = true;
  }

  #writeAll(queryRunner: QueryRunner): Promise<void> {
    if (this.#batches.length === 0 || this.refused.length > 0) return Promise.resolve();
    const isOpen = queryRunner.isTransactionActive;
    if (isOpen ? this.isSingleStatement : !this.#needsTransaction) return this.#writeBatches(queryRunner);
    return isOpen ? this.#writeInTransaction(queryRunner) : this.#writeByTransaction(queryRunner);
  }

  get #needsTransaction(): boolean {
    const { guard, plan } = this;
    return (
      !this.isSingleStatement ||
      guard.options.locks !== undefined ||
      isToldOfTransactions(guard) ||
      plan.rows.some(({ row: { description, subject } }) => isFragile(description, subject.entity))
    );
  }

  async #writeInTransaction(queryRunner: QueryRunner): Promise<void> {
    // What was begun beside it in this transaction is sent first: after the savepoint it would be undone with the save.
    await setImmediate();
    await this.#writeBatches(queryRunner);
  }

  #writeByTransaction(queryRunner: QueryRunner): Promise<void> {
    return inTransaction(queryRunner, async () => {
      this.scope.noteTransaction();
      await this.#writeBatches(queryRunner);
      if (this.refused.length > 0) this.scope.refuse(this.refused);
    });
  }

  async #writeBatches(queryRunner: QueryRunner): Promise<void> {
    const { plan, scope } = this;
    const beginning = scope.begin(queryRunner);
    if (beginning !== undefined) await beginning;
    const written: ReadonlyMap<DirectRow, AfterUpdate>[] = [];
    for (const batch of this.#batches) {
      written.push(await this.#writeBatch(queryRunner, batch));
      if (this.refused.length > 0) return;
    }
    // Not before all of it is written, for what comes later may fail.
    if (scope.mode === "remove") for (const row of plan.rows) noteRemoved(row);
    else for (const after of written) for (const [row, value] of after) noteUpdated(row, value);
  }

  /** @returns what the database has made of its rows. */
  async #writeBatch(
    queryRunner: QueryRunner,
    batch: DirectBatch,
  ): Promise<ReadonlyMap<DirectRow, AfterUpdate>> {
    const { guard } = this;
    const { form, parameters, rows, sql } = batch;
    const result = (await queryRunner.query(sql, parameters, true)) as QueryResult;
    if (!queryRunner.isTransactionActive && leavesTransactionOpen(guard, result)) {
      await queryRunner.query("COMMIT");
    }
    const returned = returnedRows(guard, batch, result.records ?? []);
    if (requireCount(guard, rows[0].row, result.affected) < rows.length) {
      this.refused = rows.filter((row) => !returned.has(row)).map(({ row }) => row);
      return returned;
    }
    const after = form.isReadAfter ? await this.#readAfter(queryRunner, batch) : returned;
    return new Map(rows.map((row) => [row, after.get(row) ?? (() => undefined)]));
  }

  async #readAfter(
    queryRunner: QueryRunner,
    { form: { entity }, rows }: DirectBatch,
  ): Promise<ReadonlyMap<DirectRow, AfterUpdate>> {
    const found = await this.#read(
      queryRunner,
      rows.map(({ row }) => row),
      () => entity.made,
    );
    return new Map(
      rows.map((direct) => {
        const values = found.get(direct.row);
        return [direct, (column) => (values === undefined ? undefined : columnValue(column, values))];
      }),
    );
  }

  /** Reads columns of rows. */
  async #read(
    queryRunner: QueryRunner,
    rows: readonly GuardedRow[],
    columnsOf: (metadata: EntityMetadata) => readonly Column[],
  ): Promise<ReadonlyMap<GuardedRow, ObjectLiteral>> {
    const found = new Map<GuardedRow, ObjectLiteral>();
    const read = async (
      metadata: EntityMetadata,
      wanted: readonly GuardedRow[],
    ): Promise<Map<string, ObjectLiteral>> => {
      const byKey = new Map<string, ObjectLiteral>();
      const ids = wanted.map(({ id }) => id);
      const options = { metadata, columns: columnsOf(metadata), ids, purpose: "to-glance" } as const;
      await readRows(this.guard, queryRunner, options, (key, values) => byKey.set(key, values));
      return byKey;
    };
    for (const metadata of new Set(rows.map(({ description }) => description.metadata))) {
      const wanted = rows.filter(({ description }) => description.metadata === metadata);
      const byKey = await read(metadata, wanted);
      for (const row of wanted) {
        // The database may write a key in another way than it was given. Of several, nobody knows which it is.
        const [values, ...others] = byKey.has(row.key)
          ? [byKey.get(row.key)]
          : (await read(metadata, [row])).values();
        if (values !== undefined && others.length === 0) found.set(row, values);
      }
    }
    return found;
  }
}

const autocommitStatus = 2;

// A session of MySQL's in which autocommit was turned off begins a transaction with any statement. Its server says so with
// each answer (SERVER_STATUS_AUTOCOMMIT in the client/server protocol).
function leavesTransactionOpen({ dialect }: Guard, { raw }: QueryResult): boolean {
  if (dialect !== "mysql" && dialect !== "mariadb") return false;
  const { serverStatus } = raw as { readonly serverStatus?: number };
  return serverStatus !== undefined && (serverStatus & autocommitStatus) === 0;
}
