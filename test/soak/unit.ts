import { randomInt, randomUUID } from "node:crypto";
import type { DataSource } from "typeorm";
import { isCommitOutcomeUnknownError, runUnitOfWork } from "typeorm-concurrency";
import { codeOf } from "./code-of";
import { Counter } from "./counter";
import { LedgerEntry } from "./ledger-entry";
import type { Assignment, UnitOutcome, UnitReport } from "./messages";

/** Increments a random row and notes that in the ledger, in one unit of work; resolves to what became of it. */
export async function incrementOnce(
  dataSource: DataSource,
  { hangAfterMs, rows, unit }: Assignment,
  isVerified: boolean,
): Promise<UnitReport> {
  const key = randomUUID();
  const row = 1 + randomInt(rows);
  const startedAt = performance.now();
  let attempts = 0;
  let verified: boolean | undefined;

  const increment = (): Promise<void> =>
    runUnitOfWork(
      dataSource,
      async (manager, attempt) => {
        attempts = attempt.number;
        const counter = await manager.findOneByOrFail(Counter, { id: row });
        counter.value += 1;
        await manager.save(counter);
        await manager.insert(LedgerEntry, { key, counterId: row });
      },
      { ...unit, ...(isVerified && { verifyCommitted }) },
    );

  async function verifyCommitted(): Promise<boolean> {
    verified = await dataSource.manager.existsBy(LedgerEntry, { key });
    return verified;
  }

  const report = (outcome: UnitOutcome, code?: string): UnitReport => ({
    ...{ key, row, outcome, attempts, tookMs: performance.now() - startedAt },
    ...(code !== undefined && { code }),
    ...(verified !== undefined && { verified }),
  });

  return new Promise((resolve) => {
    const watchdog = setTimeout(() => resolve(report("hung")), hangAfterMs);
    increment()
      .then(
        () => resolve(report("acknowledged")),
        (error: unknown) =>
          resolve(isCommitOutcomeUnknownError(error) ? report("unknown") : report("refused", codeOf(error))),
      )
      .finally(() => clearTimeout(watchdog));
  });
}
