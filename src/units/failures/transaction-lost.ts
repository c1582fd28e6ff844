import type { DriverType } from "./driver-type";
import { failedQueryOf } from "./driver-error";
import { failuresOf } from "./failures-of";

/**
 * Whether the database has, or may have, rolled back the whole transaction together with the statement that failed, and
 * would run the next statement on the same connection outside of it, committed at once.
 */
export function isTransactionLost(driverType: DriverType, error: unknown): boolean {
  const failures = failuresOf(driverType);
  const failed = failedQueryOf(error);
  return (
    failures !== undefined &&
    failed !== undefined &&
    failures.codesOf(failed.driverError).some((code) => failures.transactionLost.includes(code))
  );
}
