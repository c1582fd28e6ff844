import type { DriverFailures } from "./driver-failures";
import { brokenSocket, unopenedSocket } from "./network";

/**
 * SQL Server, "Database Engine events and errors", and "Transactions with Memory-Optimized Tables", section "Conflict
 * Detection and Retry Logic"; the `mssql` package, README, "Errors".
 *
 * Written from the manuals, never run against a server. TypeORM's SQL Server driver throws what begins, commits and rolls
 * back as it comes from the package, so that such a failure is not known here.
 */
export const mssqlFailures: DriverFailures = {
  codesOf: ({ code, number }) => [String(number), String(code)],
  kinds: {
    ...brokenSocket,
    "1205": "deadlock",
    // Lock request time out period exceeded: SET LOCK_TIMEOUT, and the NOWAIT hint.
    "1222": "lock-timeout",
    // Snapshot isolation: an update conflict, and a table that was altered meanwhile.
    "3960": "serialization-failure",
    "3961": "serialization-failure",
    // Memory-optimized tables: a dependency that failed, an update conflict, repeatable read, serializable.
    "41301": "serialization-failure",
    "41302": "serialization-failure",
    "41305": "serialization-failure",
    "41325": "serialization-failure",
    ESOCKET: "connection-lost",
    ECONNCLOSED: "connection-lost",
    ENOTOPEN: "connection-lost",
  },
  // ETIMEOUT of a request is a statement timeout; of a connection it will pass. 40613: the Azure database is not available
  // just now.
  connecting: [...unopenedSocket, "ETIMEOUT", "40613"],
  transactionLost: ["1205", "3960", "3961", "41301", "41302", "41305", "41325"],
  commitRefused: [],
  commitUnknown: [],
};
