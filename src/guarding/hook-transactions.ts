import type { EntitySubscriberInterface, QueryRunner } from "typeorm";
import type { Guard } from "./guard";
import { currentScope } from "./save-flow";
import { verifyBeforeCommit } from "./verify-unchanged";

/*
 * Why here: after a rollback the tokens in memory have to be those from before the transaction, and only the query
 * runner knows when a transaction or savepoint ends. A subscriber is TypeORM's public way to hear of it. TypeORM
 * makes a new list of subscribers at each initialize, so the hook is put in again then.
 *
 * A rollback is heard before it runs: its statement may fail, and the transaction is lost all the same. One listener stands
 * before the subscribers of the application, of which one that throws keeps those after it from hearing; the other stands
 * after them, since they may still write what it verifies.
 *
 * Checked against TypeORM 0.3.31 and 1.1.1; the tests of rollbacks notice when it stops working.
 */

interface TransactionEvent {
  readonly queryRunner: QueryRunner;
}

/** Keeps the journal of what to put back. */
class TransactionListener implements EntitySubscriberInterface {
  constructor(private readonly guard: Guard) {}

  afterTransactionStart({ queryRunner }: TransactionEvent): void {
    const { transactionDepth } = queryRunner as unknown as { readonly transactionDepth?: number };
    if (transactionDepth === 1) this.guard.journal.forget(queryRunner);
    this.guard.journal.begin(queryRunner);
    currentScope(this.guard)?.noteTransaction();
  }

  afterTransactionCommit({ queryRunner }: TransactionEvent): void {
    this.guard.journal.commit(queryRunner);
  }

  beforeTransactionRollback({ queryRunner }: TransactionEvent): void {
    if (this.guard.journal.isOutermost(queryRunner)) this.guard.verifications.take(queryRunner);
    this.guard.journal.rollback(queryRunner);
  }
}

/** Verifies before the commit what has been put off until then. */
class CommitListener implements EntitySubscriberInterface {
  constructor(private readonly guard: Guard) {}

  beforeTransactionCommit({ queryRunner }: TransactionEvent): Promise<void> | undefined {
    const { journal } = this.guard;
    return journal.isOutermost(queryRunner) ? verifyBeforeCommit(this.guard, queryRunner) : undefined;
  }
}

interface Listeners {
  readonly first: EntitySubscriberInterface;
  readonly last: EntitySubscriberInterface;
}

const listeners = new WeakMap<Guard, Listeners>();

/** Makes the guard hear of the DataSource's transactions. */
export function hookTransactions(guard: Guard): () => void {
  keepListening(guard);
  return () => {
    const { subscribers } = guard.dataSource;
    for (const listener of Object.values(listeners.get(guard) ?? {}) as EntitySubscriberInterface[]) {
      const index = subscribers.indexOf(listener);
      if (index >= 0) subscribers.splice(index, 1);
    }
  };
}

/** Puts the listeners in again where somebody has given the DataSource another list of subscribers. */
export function keepListening(guard: Guard): void {
  const own = listeners.get(guard) ?? {
    first: new TransactionListener(guard),
    last: new CommitListener(guard),
  };
  listeners.set(guard, own);
  const { subscribers } = guard.dataSource;
  if (subscribers[0] === own.first && subscribers.includes(own.last)) return;
  const others = subscribers.filter((subscriber) => subscriber !== own.first && subscriber !== own.last);
  subscribers.splice(0, subscribers.length, own.first, ...others, own.last);
}

/** Whether a subscriber is the guard's own. */
export function isOwnListener(guard: Guard, subscriber: EntitySubscriberInterface): boolean {
  const own = listeners.get(guard);
  return subscriber === own?.first || subscriber === own?.last;
}
