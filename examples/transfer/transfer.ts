import type { DataSource } from "typeorm";
import { runUnitOfWork } from "typeorm-concurrency";
import { Account } from "./account";
import { InsufficientFundsError } from "./insufficient-funds-error";
import { LedgerEntry } from "./ledger-entry";

export interface TransferOptions {
  /** Asks another system about the payer. */
  readonly checkForFraud?: (payer: string) => Promise<void>;
  readonly retries?: number;
}

/** Moves money from one account to another, once for each key. */
export async function transfer(
  dataSource: DataSource,
  entry: LedgerEntry,
  { checkForFraud, retries = 100 }: TransferOptions = {},
): Promise<void> {
  await runUnitOfWork(
    dataSource,
    async (manager) => {
      if (await manager.existsBy(LedgerEntry, { key: entry.key })) return; // asked for twice, and done
      const payer = await manager.findOneByOrFail(Account, { owner: entry.payer });
      const payee = await manager.findOneByOrFail(Account, { owner: entry.payee });
      await checkForFraud?.(entry.payer);
      if (payer.cents < entry.cents) throw new InsufficientFundsError(payer.owner, payer.cents);
      payer.cents -= entry.cents;
      payee.cents += entry.cents;
      // In one order everywhere, so that no two transfers wait for each other in a circle.
      await manager.save([payer, payee].sort((one, other) => (one.owner < other.owner ? -1 : 1)));
      await manager.insert(LedgerEntry, entry);
    },
    {
      retries,
      verifyCommitted: () => dataSource.manager.existsBy(LedgerEntry, { key: entry.key }),
    },
  );
}
