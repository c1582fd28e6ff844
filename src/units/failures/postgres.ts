import type { DriverFailures } from "./driver-failures";
import { brokenSocket, unopenedSocket } from "./network";

// node-postgres, lib/client.js: the client knew that it has no connection, and sent nothing.
const unsent = [
  "Client was closed and is not queryable",
  "Client has encountered a connection error and is not queryable",
];

/**
 * PostgreSQL, "Appendix A. PostgreSQL Error Codes", and what node-postgres throws without a code. CockroachDB speaks the
 * same codes ("Transaction Retry Error Reference": 40001; "Common Errors": 40003 for a result that is ambiguous).
 *
 * Not here: 57014 query_canceled (a statement timeout, or somebody's wish), 25P03 and 25P04 (the unit is too slow, and
 * would be again), 25P02 (the failure was the statement before), class 23.
 */
export const postgresFailures: DriverFailures = {
  codesOf({ code, message, severity }) {
    if (typeof code !== "string") return [String(message)];
    const codeClass = code.slice(0, 2);
    return [code, `${String(severity)} ${codeClass}`, codeClass, String(severity)];
  },
  kinds: {
    ...brokenSocket,
    "40001": "serialization-failure",
    "40P01": "deadlock",
    // lock_not_available: lock_timeout has passed, or NOWAIT.
    "55P03": "lock-timeout",
    // The server ends the connection: admin_shutdown (also pg_terminate_backend), crash_shutdown, cannot_connect_now,
    // idle_session_timeout, and too_many_connections, which a pooler tells at the first statement.
    "57P01": "connection-lost",
    "57P02": "connection-lost",
    "57P03": "connection-lost",
    "57P05": "connection-lost",
    "53300": "connection-lost",
    // Class 08 is the connection only where it ends with the error: a foreign server that dblink cannot reach, and a bind
    // with the wrong number of parameters (08P01), are of severity ERROR.
    "FATAL 08": "connection-lost",
    "PANIC 08": "connection-lost",
    "Connection terminated": "connection-lost",
    "Connection terminated unexpectedly": "connection-lost",
    ...Object.fromEntries(unsent.map((message) => [message, "connection-lost" as const])),
  },
  // The two messages are connectionTimeoutMillis, of the pool and of the client. A pool that stays full is not here:
  // its caller has waited for as long as was set.
  connecting: [...unopenedSocket, "Connection terminated due to connection timeout", "timeout expired"],
  // PostgreSQL keeps the failed transaction open, and refuses every statement in it, until ROLLBACK.
  transactionLost: [],
  // An ERROR comes before the commit record is written; after it the server knows only WARNING and PANIC. The severity is
  // in the server's language (lc_messages), so classes that are never FATAL in a COMMIT are named.
  commitRefused: ["ERROR", "23", "40", ...unsent],
  // statement_completion_unknown, and what tells of the server rather than of the transaction.
  commitUnknown: ["40003", "08", "57P01", "57P02", "57P03", "57P04", "57P05", "58", "XX", "FATAL", "PANIC"],
};
