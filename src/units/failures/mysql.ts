import type { DriverFailures } from "./driver-failures";
import { brokenSocket, unopenedSocket } from "./network";

// mysql2 (lib/base/connection.js), which gives no code, and mysql: the connection was known to be closed, and nothing was
// sent.
const unsent = [
  "Can't add new command when connection is in closed state",
  "PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR",
  "PROTOCOL_ENQUEUE_AFTER_QUIT",
];

/**
 * MySQL, "Server Error Message Reference", "Client Error Message Reference" and "InnoDB Error Handling"; MariaDB, "MariaDB
 * Error Codes". mysql2 has the number as `errno`.
 *
 * Not here: 1317 (KILL QUERY), 3024 and 1969 (a statement timeout, of MySQL and of MariaDB), PROTOCOL_SEQUENCE_TIMEOUT (the
 * driver gave up waiting, the statement goes on), SQLSTATE 23000.
 */
export const mysqlFailures: DriverFailures = {
  codesOf: ({ code, errno, message, sqlState }) => [
    String(errno),
    String(code ?? message),
    `SQLSTATE ${String(sqlState)}`,
  ],
  kinds: {
    ...brokenSocket,
    "1213": "deadlock",
    // ER_LOCK_WAIT_TIMEOUT, which MariaDB gives for NOWAIT too, and ER_LOCK_NOWAIT.
    "1205": "lock-timeout",
    "3572": "lock-timeout",
    // ER_CHECKREAD: MariaDB with innodb_snapshot_isolation, which is on since 11.6.2. ER_TRANSACTION_ROLLBACK_DURING_COMMIT:
    // the group of a Group Replication did not certify the transaction.
    "1020": "serialization-failure",
    "3101": "serialization-failure",
    // ER_SERVER_SHUTDOWN, ER_CONNECTION_KILLED (MariaDB), ER_SESSION_WAS_KILLED, ER_CLIENT_INTERACTION_TIMEOUT (MySQL: idle
    // for longer than wait_timeout); CR_SERVER_GONE_ERROR and CR_SERVER_LOST.
    "1053": "connection-lost",
    "1927": "connection-lost",
    "3169": "connection-lost",
    "4031": "connection-lost",
    "2006": "connection-lost",
    "2013": "connection-lost",
    PROTOCOL_CONNECTION_LOST: "connection-lost",
    ...Object.fromEntries(unsent.map((code) => [code, "connection-lost" as const])),
  },
  // ER_CON_COUNT_ERROR, ER_TOO_MANY_USER_CONNECTIONS.
  connecting: [...unopenedSocket, "1040", "1203"],
  // InnoDB rolls back all of the transaction after these, and only the statement after 1205, unless the server runs with
  // innodb_rollback_on_timeout. 1206: ER_LOCK_TABLE_FULL.
  transactionLost: ["1213", "1020", "1206", "3101"],
  commitRefused: ["1213", "1205", "1020", "3101", "SQLSTATE 23000", ...unsent],
  commitUnknown: [],
};
