import { QueryFailedError, QueryRunnerAlreadyReleasedError, type DataSourceOptions } from "typeorm";
import { commitOutcomeOf, type CommitOutcome } from "../../src/units/failures/commit-outcome";
import type { FailureKind } from "../../src/units/failures/driver-failures";
import { connectFailureKindOf, failureKindOf } from "../../src/units/failures/failure-kind-of";
import { isTransactionLost } from "../../src/units/failures/transaction-lost";

type DriverType = DataSourceOptions["type"];
type Fields = Readonly<Record<string, unknown>>;

/** What a driver throws: an Error with fields. A string is the message of one without any. */
const driverError = (fields: Fields | string): Error =>
  typeof fields === "string" ? new Error(fields) : Object.assign(new Error("from the server"), fields);
const failed = (fields: Fields | string, query = "UPDATE article SET views = 1"): QueryFailedError =>
  new QueryFailedError(query, [], driverError(fields));

const kinds: readonly (readonly [DriverType, Fields | string, FailureKind | undefined])[] = [
  ["postgres", { code: "40001", severity: "ERROR" }, "serialization-failure"],
  ["postgres", { code: "40001", severity: "FEHLER" }, "serialization-failure"],
  ["postgres", { code: "40P01", severity: "ERROR" }, "deadlock"],
  ["postgres", { code: "55P03", severity: "ERROR" }, "lock-timeout"],
  ["postgres", { code: "57P01", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "57P02", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "57P03", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "57P05", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "53300", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "08006", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "08P01", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "08000", severity: "PANIC" }, "connection-lost"],
  ["postgres", "Connection terminated unexpectedly", "connection-lost"],
  ["postgres", "Connection terminated", "connection-lost"],
  ["postgres", "Client has encountered a connection error and is not queryable", "connection-lost"],
  ["postgres", "Client was closed and is not queryable", "connection-lost"],
  ["postgres", { code: "ECONNRESET", errno: -104 }, "connection-lost"],
  ["postgres", { code: "EPIPE", errno: -32 }, "connection-lost"],
  ["postgres", { code: "ETIMEDOUT" }, "connection-lost"],
  ["postgres", { code: "08P01", severity: "ERROR" }, undefined],
  ["postgres", { code: "08001", severity: "ERROR" }, undefined],
  ["postgres", { code: "57014", severity: "ERROR" }, undefined],
  ["postgres", { code: "57P04", severity: "FATAL" }, undefined],
  ["postgres", { code: "25P02", severity: "ERROR" }, undefined],
  ["postgres", { code: "25P03", severity: "FATAL" }, undefined],
  ["postgres", { code: "25P04", severity: "FATAL" }, undefined],
  ["postgres", { code: "40002", severity: "ERROR" }, undefined],
  ["postgres", { code: "40003", severity: "ERROR" }, undefined],
  ["postgres", { code: "23505", severity: "ERROR" }, undefined],
  ["postgres", { code: "42601", severity: "ERROR" }, undefined],
  ["postgres", { code: "constructor", severity: "ERROR" }, undefined],
  ["postgres", "Query read timeout", undefined],
  ["cockroachdb", { code: "40001", severity: "ERROR" }, "serialization-failure"],
  ["cockroachdb", { code: "40003", severity: "ERROR" }, undefined],
  ["mariadb", { errno: 1213, code: "ER_LOCK_DEADLOCK", sqlState: "40001" }, "deadlock"],
  ["mariadb", { errno: 1205, code: "ER_LOCK_WAIT_TIMEOUT", sqlState: "HY000" }, "lock-timeout"],
  ["mariadb", { errno: 1020, code: "ER_CHECKREAD", sqlState: "HY000" }, "serialization-failure"],
  ["mariadb", { errno: 1927, sqlState: "70100" }, "connection-lost"],
  ["mysql", { errno: 3572, code: "ER_LOCK_NOWAIT", sqlState: "HY000" }, "lock-timeout"],
  ["mysql", { errno: 3101, sqlState: "40000" }, "serialization-failure"],
  ["mysql", { errno: 1053, code: "ER_SERVER_SHUTDOWN", sqlState: "08S01" }, "connection-lost"],
  ["mysql", { errno: 3169, sqlState: "HY000" }, "connection-lost"],
  ["mysql", { errno: 4031, sqlState: "HY000" }, "connection-lost"],
  ["mysql", { errno: 2006 }, "connection-lost"],
  ["mysql", { errno: 2013 }, "connection-lost"],
  ["mysql", { code: "PROTOCOL_CONNECTION_LOST", fatal: true }, "connection-lost"],
  ["mysql", { code: "PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR", fatal: false }, "connection-lost"],
  ["mysql", { code: "PROTOCOL_ENQUEUE_AFTER_QUIT", fatal: false }, "connection-lost"],
  ["mysql", { code: "ECONNRESET", errno: -104 }, "connection-lost"],
  ["mysql", "Can't add new command when connection is in closed state", "connection-lost"],
  ["mysql", { errno: 1317, code: "ER_QUERY_INTERRUPTED", sqlState: "70100" }, undefined],
  ["mysql", { errno: 3024, code: "ER_QUERY_TIMEOUT", sqlState: "HY000" }, undefined],
  ["mariadb", { errno: 1969, sqlState: "70100" }, undefined],
  ["mysql", { errno: 1206, sqlState: "HY000" }, undefined],
  ["mysql", { code: "PROTOCOL_SEQUENCE_TIMEOUT", fatal: true }, undefined],
  ["mysql", { errno: 1062, code: "ER_DUP_ENTRY", sqlState: "23000" }, undefined],
  ["better-sqlite3", { code: "SQLITE_BUSY" }, "busy"],
  ["better-sqlite3", { code: "SQLITE_BUSY_SNAPSHOT" }, "busy"],
  ["better-sqlite3", { code: "SQLITE_LOCKED_SHAREDCACHE" }, "busy"],
  ["better-sqlite3", { code: "SQLITE_PROTOCOL" }, "busy"],
  ["better-sqlite3", { code: "SQLITE_CONSTRAINT_UNIQUE" }, undefined],
  ["better-sqlite3", { code: "SQLITE_FULL" }, undefined],
  ["better-sqlite3", { code: "SQLITE_INTERRUPT" }, undefined],
  ["sqlite" as DriverType, { code: "SQLITE_BUSY", errno: 5 }, "busy"],
  ["sqlite" as DriverType, { code: "SQLITE_LOCKED", errno: 6 }, "busy"],
  ["sqlite" as DriverType, { code: "SQLITE_CONSTRAINT", errno: 19 }, undefined],
  ["sqljs", "database table is locked: article", "busy"],
  ["sqljs", "UNIQUE constraint failed: article.id", undefined],
  ["mssql", { code: "EREQUEST", number: 1205 }, "deadlock"],
  ["mssql", { code: "EREQUEST", number: 1222 }, "lock-timeout"],
  ["mssql", { code: "EREQUEST", number: 3960 }, "serialization-failure"],
  ["mssql", { code: "EREQUEST", number: 41302 }, "serialization-failure"],
  ["mssql", { code: "ESOCKET" }, "connection-lost"],
  ["mssql", { code: "ECONNCLOSED" }, "connection-lost"],
  ["mssql", { code: "ETIMEOUT" }, undefined],
  ["mssql", { code: "EREQUEST", number: 2627 }, undefined],
  ["oracle", { code: "ORA-00060", errorNum: 60 }, "deadlock"],
  ["oracle", { errorNum: 8177 }, "serialization-failure"],
  ["oracle", { errorNum: 54 }, "lock-timeout"],
  ["oracle", { errorNum: 3113 }, "connection-lost"],
  ["oracle", { code: "NJS-500" }, "connection-lost"],
  ["oracle", { errorNum: 1 }, undefined],
  ["mongodb", { code: "40001" }, undefined],
  // A code means what it means to its own database.
  ["mariadb", { code: "40001" }, undefined],
  ["postgres", { errno: 1213 }, undefined],
];

const named = <T extends readonly unknown[]>(rows: readonly T[]): readonly (readonly [string, T])[] =>
  rows.map((row) => [
    row.map((cell) => (typeof cell === "string" ? cell : JSON.stringify(cell))).join(" "),
    row,
  ]);

describe("the kind of a failure", () => {
  it.each(named(kinds))("%s", (_name, [driverType, fields, kind]) => {
    expect(failureKindOf(driverType, failed(fields))).toBe(kind);
    const fromAnotherCopy = { query: "UPDATE article SET views = 1", driverError: driverError(fields) };
    expect(failureKindOf(driverType, fromAnotherCopy)).toBe(kind);
  });

  it("is none for what is not the database's error", () => {
    const reset = Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" });
    const deadlock = driverError({ code: "40P01", severity: "ERROR" });
    const ofSomethingElse = Object.assign(new Error("GraphQL"), { query: "{ articles }" });
    const withoutQuery = Object.assign(new Error("wrapped"), { driverError: deadlock });
    const causes = [reset, deadlock, ofSomethingElse, withoutQuery, "40P01", null, undefined];
    for (const error of causes) {
      expect(failureKindOf("postgres", error)).toBeUndefined();
      expect(failureKindOf("mysql", error)).toBeUndefined();
    }
  });

  it("is a lost connection when TypeORM has released the query runner by itself", () => {
    expect(failureKindOf("postgres", new QueryRunnerAlreadyReleasedError())).toBe("connection-lost");
    const named = { name: "QueryRunnerProviderAlreadyReleasedError" };
    expect(failureKindOf("postgres", named)).toBe("connection-lost");
  });
});

const connecting: readonly (readonly [DriverType, Fields | string, "connection-lost" | undefined])[] = [
  ["postgres", { code: "ECONNREFUSED", errno: -111 }, "connection-lost"],
  ["postgres", { code: "ECONNRESET", errno: -104 }, "connection-lost"],
  ["postgres", { code: "ETIMEDOUT" }, "connection-lost"],
  ["postgres", { code: "EAI_AGAIN" }, "connection-lost"],
  ["postgres", { code: "57P03", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "53300", severity: "FATAL" }, "connection-lost"],
  ["postgres", { code: "08006", severity: "FATAL" }, "connection-lost"],
  ["postgres", "Connection terminated unexpectedly", "connection-lost"],
  ["postgres", "Connection terminated due to connection timeout", "connection-lost"],
  ["postgres", "timeout expired", "connection-lost"],
  ["postgres", "timeout exceeded when trying to connect", undefined],
  ["postgres", "Cannot use a pool after calling end on the pool", undefined],
  ["postgres", { code: "28P01", severity: "FATAL" }, undefined],
  ["postgres", { code: "3D000", severity: "FATAL" }, undefined],
  ["postgres", { code: "ENOTFOUND" }, undefined],
  ["postgres", { code: "40P01", severity: "ERROR" }, undefined],
  ["mysql", { code: "ECONNREFUSED", errno: -111, fatal: true }, "connection-lost"],
  ["mysql", { code: "ETIMEDOUT", errorno: "ETIMEDOUT", fatal: true }, "connection-lost"],
  ["mysql", { errno: 1040, code: "ER_CON_COUNT_ERROR", sqlState: "08004" }, "connection-lost"],
  ["mysql", { errno: 1203, code: "ER_TOO_MANY_USER_CONNECTIONS", sqlState: "42000" }, "connection-lost"],
  ["mysql", { errno: 1053, code: "ER_SERVER_SHUTDOWN", sqlState: "08S01" }, "connection-lost"],
  ["mysql", { errno: 1045, code: "ER_ACCESS_DENIED_ERROR", sqlState: "28000" }, undefined],
  ["mysql", { errno: 1129, code: "ER_HOST_IS_BLOCKED", sqlState: "HY000" }, undefined],
  ["mysql", "Pool is closed.", undefined],
  ["mysql", "Queue limit reached.", undefined],
  ["mssql", { code: "ETIMEOUT" }, "connection-lost"],
  ["mssql", { code: "ELOGIN" }, undefined],
  ["oracle", { errorNum: 12541 }, "connection-lost"],
  ["better-sqlite3", { code: "SQLITE_CANTOPEN" }, undefined],
  ["mongodb", { code: "ECONNREFUSED" }, undefined],
];

describe("a failure to connect", () => {
  it.each(named(connecting))("%s", (_name, [driverType, fields, kind]) => {
    expect(connectFailureKindOf(driverType, driverError(fields))).toBe(kind);
  });

  it("is known when every address of a host refuses", () => {
    const refused = driverError({ code: "ECONNREFUSED" });
    const all = Object.assign(new AggregateError([refused, refused]), { code: "ECONNREFUSED" });
    expect(connectFailureKindOf("postgres", all)).toBe("connection-lost");
  });

  it.each([null, undefined, "ECONNREFUSED", 1040])("is none of %p", (error) => {
    expect(connectFailureKindOf("postgres", error)).toBeUndefined();
  });
});

const lost: readonly (readonly [DriverType, Fields | string, boolean])[] = [
  ["postgres", { code: "40P01", severity: "ERROR" }, false],
  ["postgres", { code: "40001", severity: "ERROR" }, false],
  ["mysql", { errno: 1213, sqlState: "40001" }, true],
  ["mariadb", { errno: 1020, sqlState: "HY000" }, true],
  ["mysql", { errno: 1206, sqlState: "HY000" }, true],
  ["mysql", { errno: 3101, sqlState: "40000" }, true],
  ["mysql", { errno: 1205, sqlState: "HY000" }, false],
  ["mysql", { errno: 1062, sqlState: "23000" }, false],
  ["better-sqlite3", { code: "SQLITE_FULL" }, true],
  ["better-sqlite3", { code: "SQLITE_IOERR_WRITE" }, true],
  ["better-sqlite3", { code: "SQLITE_NOMEM" }, true],
  ["better-sqlite3", { code: "SQLITE_INTERRUPT" }, true],
  ["better-sqlite3", { code: "SQLITE_ABORT_ROLLBACK" }, true],
  ["better-sqlite3", { code: "SQLITE_ABORT" }, false],
  ["better-sqlite3", { code: "SQLITE_BUSY" }, false],
  ["better-sqlite3", { code: "SQLITE_CONSTRAINT_UNIQUE" }, false],
  ["sqljs", "database or disk is full", true],
  ["sqljs", "out of memory", true],
  ["sqljs", "disk I/O error", true],
  ["sqljs", "interrupted", true],
  ["sqljs", "UNIQUE constraint failed: article.id", false],
  ["mssql", { number: 1205 }, true],
  ["oracle", { errorNum: 60 }, false],
  ["mongodb", { errno: 1213 }, false],
];

describe("a transaction that is lost with its statement", () => {
  it.each(named(lost))("%s", (_name, [driverType, fields, isLost]) => {
    expect(isTransactionLost(driverType, failed(fields))).toBe(isLost);
    expect(isTransactionLost(driverType, driverError(fields))).toBe(false);
  });

  it("is not one whose query runner is released: nothing can run there any more", () => {
    expect(isTransactionLost("mysql", new QueryRunnerAlreadyReleasedError())).toBe(false);
  });
});

const commits: readonly (readonly [DriverType, Fields | string, CommitOutcome])[] = [
  ["postgres", { code: "40001", severity: "ERROR" }, "refused"],
  ["postgres", { code: "40001", severity: "FEHLER" }, "refused"],
  ["postgres", { code: "23505", severity: "ERROR" }, "refused"],
  ["postgres", { code: "23503", severity: "ERREUR" }, "refused"],
  ["postgres", { code: "57014", severity: "ERROR" }, "refused"],
  ["postgres", { code: "P0001", severity: "ERROR" }, "refused"],
  ["postgres", "Client was closed and is not queryable", "refused"],
  ["postgres", "Client has encountered a connection error and is not queryable", "refused"],
  ["postgres", { code: "40001", severity: "FATAL" }, "unknown"],
  ["postgres", { code: "40003", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "08006", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "57P01", severity: "FATAL" }, "unknown"],
  ["postgres", { code: "57P01", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "57P02", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "57P03", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "57P04", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "57P05", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "40001", severity: "PANIC" }, "unknown"],
  ["postgres", { code: "58030", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "XX000", severity: "ERROR" }, "unknown"],
  ["postgres", { code: "53100", severity: "PANIC" }, "unknown"],
  ["postgres", { code: "53100", severity: "PANIK" }, "unknown"],
  ["postgres", "Connection terminated unexpectedly", "unknown"],
  ["postgres", "Query read timeout", "unknown"],
  ["postgres", { code: "ECONNRESET" }, "unknown"],
  ["cockroachdb", { code: "40003", severity: "ERROR" }, "unknown"],
  ["mysql", { errno: 1213, sqlState: "40001" }, "refused"],
  ["mysql", { errno: 1205, sqlState: "HY000" }, "refused"],
  ["mariadb", { errno: 1020, sqlState: "HY000" }, "refused"],
  ["mysql", { errno: 3101, sqlState: "40000" }, "refused"],
  ["mysql", { errno: 1452, sqlState: "23000" }, "refused"],
  ["mysql", "Can't add new command when connection is in closed state", "refused"],
  ["mysql", { code: "PROTOCOL_ENQUEUE_AFTER_FATAL_ERROR" }, "refused"],
  ["mysql", { code: "PROTOCOL_CONNECTION_LOST" }, "unknown"],
  ["mysql", { code: "EPIPE" }, "unknown"],
  ["mysql", { errno: 1180, sqlState: "HY000" }, "unknown"],
  ["mysql", { errno: 1053, sqlState: "08S01" }, "unknown"],
  ["better-sqlite3", { code: "SQLITE_BUSY" }, "refused"],
  ["better-sqlite3", { code: "SQLITE_LOCKED" }, "refused"],
  ["better-sqlite3", { code: "SQLITE_CONSTRAINT_FOREIGNKEY" }, "refused"],
  ["sqlite" as DriverType, { code: "SQLITE_CONSTRAINT", errno: 19 }, "refused"],
  ["sqljs", "FOREIGN KEY constraint failed", "refused"],
  ["better-sqlite3", { code: "SQLITE_IOERR_FSYNC" }, "unknown"],
  // The transaction had ended before: what ran since may have been committed statement by statement.
  ["better-sqlite3", { code: "SQLITE_ERROR" }, "unknown"],
  ["oracle", { errorNum: 2091 }, "refused"],
  ["oracle", { errorNum: 3113 }, "unknown"],
  ["mongodb", { code: "40001", severity: "ERROR" }, "unknown"],
];

describe("the outcome of a COMMIT that failed", () => {
  it.each(named(commits))("%s", (_name, [driverType, fields, outcome]) => {
    expect(commitOutcomeOf(driverType, failed(fields, "COMMIT"))).toBe(outcome);
    // Of a subscriber's statement around the COMMIT nothing follows, nor of an error that is not the database's.
    expect(commitOutcomeOf(driverType, failed(fields))).toBe("unknown");
    expect(commitOutcomeOf(driverType, driverError(fields))).toBe("unknown");
  });

  it("is a refusal when the query runner was released: it was not sent", () => {
    expect(commitOutcomeOf("postgres", new QueryRunnerAlreadyReleasedError())).toBe("refused");
  });
});
