import type { DriverError } from "./driver-error";

/** Why the database gave up a unit of work that it may accept when it is run again. */
export type FailureKind = "serialization-failure" | "deadlock" | "lock-timeout" | "busy" | "connection-lost";

/** What the errors of one family of drivers mean. A code is looked up as `codesOf` gives it. */
export interface DriverFailures {
  /** Everything an error is known by, the most specific first: its code, a class of codes, or the message of an error without a code. */
  readonly codesOf: (error: DriverError) => readonly string[];
  /** Failures of a statement after which the whole unit may be run again. */
  readonly kinds: Readonly<Record<string, FailureKind>>;
  /** What else, while a connection is opened, will pass. */
  readonly connecting: readonly string[];
  /** After these the transaction is, or may be, rolled back already, and the connection still takes statements. */
  readonly transactionLost: readonly string[];
  /** A COMMIT that fails so has not committed … */
  readonly commitRefused: readonly string[];
  /** … unless the error is one of these too. */
  readonly commitUnknown: readonly string[];
}
