import type { DataSource } from "typeorm";
import { isCommitOutcomeUnknownError, isRetriesExhaustedError } from "typeorm-concurrency";
import { InsufficientFundsError } from "./insufficient-funds-error";
import type { LedgerEntry } from "./ledger-entry";
import { transfer, type TransferOptions } from "./transfer";

/** Answers the customer who has asked for a transfer. */
export async function pay(
  dataSource: DataSource,
  entry: LedgerEntry,
  options?: TransferOptions,
): Promise<string> {
  try {
    await transfer(dataSource, entry, options);
    return "paid";
  } catch (error) {
    if (error instanceof InsufficientFundsError) return error.message;
    if (isRetriesExhaustedError(error)) return `not paid after ${error.attempts} runs, try again later`;
    if (isCommitOutcomeUnknownError(error)) return `nobody knows, look for ${entry.key} before you try again`;
    throw error;
  }
}
