import type { DriverFailures } from "./driver-failures";
import { brokenSocket, unopenedSocket } from "./network";

/**
 * Oracle Database, "Error Messages"; node-oracledb, "Node-oracledb Errors".
 *
 * Written from the manuals, never run against a server.
 */
export const oracleFailures: DriverFailures = {
  codesOf: ({ code, errorNum }) => [`ORA-${String(errorNum).padStart(5, "0")}`, String(code)],
  kinds: {
    ...brokenSocket,
    "ORA-08177": "serialization-failure",
    "ORA-00060": "deadlock",
    // NOWAIT or DDL_LOCK_TIMEOUT, and WAIT n.
    "ORA-00054": "lock-timeout",
    "ORA-30006": "lock-timeout",
    // Session killed, not logged on, shutdown in progress (twice), instance terminated, end-of-file on the channel, not
    // connected, contact lost.
    "ORA-00028": "connection-lost",
    "ORA-01012": "connection-lost",
    "ORA-01089": "connection-lost",
    "ORA-01090": "connection-lost",
    "ORA-01092": "connection-lost",
    "ORA-03113": "connection-lost",
    "ORA-03114": "connection-lost",
    "ORA-03135": "connection-lost",
    // The same from the client: a connection that broke, and one that was closed.
    "NJS-500": "connection-lost",
    "NJS-501": "connection-lost",
  },
  // Starting or shutting down, not available, no listener; a connection that could not be established.
  connecting: [...unopenedSocket, "ORA-01033", "ORA-01034", "ORA-12541", "NJS-503"],
  // A deadlock costs the statement; the transaction stays open.
  transactionLost: [],
  // "Transaction rolled back": a deferred constraint.
  commitRefused: ["ORA-02091"],
  commitUnknown: [],
};
