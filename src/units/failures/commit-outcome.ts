import type { DriverType } from "./driver-type";
import { failedQueryOf, isReleasedQueryRunner } from "./driver-error";
import { failuresOf } from "./failures-of";

/** `refused`: the transaction is certainly not committed. `unknown`: it may be. */
export type CommitOutcome = "refused" | "unknown";

const commit = /^\s*commit\b/i;

/**
 * What a failed COMMIT has left. `error` is what `commitTransaction()` threw while the query runner still has its transaction
 * (`isTransactionActive`): once that is false the COMMIT has succeeded, and a subscriber has failed after it. The failure of
 * any other statement, a subscriber's before the COMMIT, says nothing about it and is `unknown`.
 */
export function commitOutcomeOf(driverType: DriverType, error: unknown): CommitOutcome {
  // TypeORM asks before it sends.
  if (isReleasedQueryRunner(error)) return "refused";
  const failures = failuresOf(driverType);
  const failed = failedQueryOf(error);
  if (!failures || !failed || !commit.test(failed.query)) return "unknown";
  const codes = failures.codesOf(failed.driverError);
  const isRefused =
    codes.some((code) => failures.commitRefused.includes(code)) &&
    !codes.some((code) => failures.commitUnknown.includes(code));
  return isRefused ? "refused" : "unknown";
}
