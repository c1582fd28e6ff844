import type { EntitySubscriberInterface, QueryRunner } from "typeorm";
import type { Guard } from "./guard";
import { currentScope } from "./save-flow";
import { verifyBeforeCommit } from "./verify-unchanged";

/*
 * Why here: after a rollback the tokens in memory have to be those from before the transaction, and only the query
 * runner knows when a transaction or savepoint ends. A subscriber is TypeORM's public way to hear of it. TypeORM
 * makes a new list of subscribers at each initialize, so the hook is put in again then.
 *
 * A rollback is heard before it runs: its statement may fail, and the transaction is lost all the same.
 *
 * Checked against TypeORM 0.3.31 and 1.1.1; the tests of rollbacks notice when it stops working.
 */

interface TransactionEvent {
  readonly queryRunner: QueryRunner;
}

class TransactionListener implements EntitySubscriberInterface {
  constructor(private readonly guard: Guard) {}

  afterTransactionStart({ queryRunner }: TransactionEvent): void {
    this.guard.journal.begin(queryRunner);
    currentScope(this.guard)?.noteTransaction();
  }

  async beforeTransactionCommit({ queryRunner }: TransactionEvent): Promise<void> {
    if (this.guard.journal.isOutermost(queryRunner)) await verifyBeforeCommit(this.guard, queryRunner);
  }

  afterTransactionCommit({ queryRunner }: TransactionEvent): void {
    this.guard.journal.commit(queryRunner);
  }

  beforeTransactionRollback({ queryRunner }: TransactionEvent): void {
    if (this.guard.journal.isOutermost(queryRunner)) this.guard.verifications.take(queryRunner);
    this.guard.journal.rollback(queryRunner);
  }
}

const listeners = new WeakMap<Guard, TransactionListener>();

/** Makes the guard hear of the DataSource's transactions. */
export function hookTransactions(guard: Guard): () => void {
  keepListening(guard);
  return () => {
    const { subscribers } = guard.dataSource;
    const index = subscribers.indexOf(listeners.get(guard) as EntitySubscriberInterface);
    if (index >= 0) subscribers.splice(index, 1);
  };
}

/** Puts the listener in again where somebody has given the DataSource another list of subscribers. */
export function keepListening(guard: Guard): void {
  const listener = listeners.get(guard) ?? new TransactionListener(guard);
  listeners.set(guard, listener);
  const { subscribers } = guard.dataSource;
  if (!subscribers.includes(listener)) subscribers.push(listener);
}
