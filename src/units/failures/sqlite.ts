import type { DriverFailures } from "./driver-failures";

/**
 * SQLite, "Result and Error Codes", and "Transaction", section 3, "Response To Errors Within A Transaction".
 *
 * better-sqlite3 gives the extended code (SQLITE_BUSY_SNAPSHOT), sqlite3 the primary one (SQLITE_BUSY), sql.js only the
 * message.
 */
export const sqliteFailures: DriverFailures = {
  codesOf({ code, message }) {
    const known = typeof code === "string" ? code : codeOfMessage(String(message));
    return [known, known.split("_", 2).join("_")];
  },
  kinds: {
    SQLITE_BUSY: "busy",
    SQLITE_LOCKED: "busy",
    // Lost the race for a WAL file's locks dozens of times.
    SQLITE_PROTOCOL: "busy",
  },
  connecting: [],
  // The first four may have cost the transaction or only the statement; the last says that it is gone. What else rolls
  // back, ON CONFLICT ROLLBACK and RAISE(ROLLBACK), has the code of any other constraint.
  transactionLost: [
    "SQLITE_FULL",
    "SQLITE_IOERR",
    "SQLITE_NOMEM",
    "SQLITE_INTERRUPT",
    "SQLITE_ABORT_ROLLBACK",
  ],
  // The transaction stays open: a COMMIT that is busy, or that a deferred foreign key stops, can be sent again.
  commitRefused: ["SQLITE_BUSY", "SQLITE_LOCKED", "SQLITE_CONSTRAINT"],
  commitUnknown: [],
};

// The messages of sqlite3_errstr() for what can happen to a database in memory.
const messages: readonly (readonly [RegExp, string])[] = [
  [/^database or disk is full$/, "SQLITE_FULL"],
  [/^out of memory$/, "SQLITE_NOMEM"],
  [/^disk I\/O error$/, "SQLITE_IOERR"],
  [/^interrupted$/, "SQLITE_INTERRUPT"],
  [/^database (table|schema) is locked/, "SQLITE_LOCKED"],
  [/^[A-Z ]+ constraint failed/, "SQLITE_CONSTRAINT"],
];

function codeOfMessage(message: string): string {
  return messages.find(([pattern]) => pattern.test(message))?.[1] ?? message;
}
