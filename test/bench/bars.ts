import type { ScratchDatabaseName } from "../support/scratch-database";
import type { OperationKey } from "./operation";

/** How many times as long as something else an operation may take. */
export interface Bar {
  readonly operation: OperationKey;
  /** What it is called in a table; the size of lists is added to it. */
  readonly what: string;
  /** The beginnings of the names of two contenders. */
  readonly contender: string;
  readonly to: string;
  /** Where something is missing, there is nothing to compare with. */
  readonly limits: Readonly<Partial<Record<ScratchDatabaseName, Limit>>>;
}

export interface Limit {
  readonly atMost: number;
  /** Why it is not the same as PostgreSQL's. */
  readonly reason?: string;
}

/**
 * What the guard may cost, on loopback, with lists of 1,000. To tune one, run the benchmark a few times, take a tenth more than the
 * highest ratio, and say in `reason` what the database has that PostgreSQL has not.
 */
export const bars: readonly Bar[] = [
  {
    operation: "save-one",
    what: "guarded ÷ bare TypeORM",
    contender: "guarded",
    to: "bare TypeORM",
    limits: {
      postgres: { atMost: 0.5 },
      mariadb: { atMost: 0.5 },
      sqlite: { atMost: 0.6, reason: "what is left out are function calls, not round trips" },
    },
  },
  {
    operation: "save-one",
    what: "guarded ÷ pg itself",
    contender: "guarded",
    to: "pg itself",
    limits: { postgres: { atMost: 2 } },
  },
  {
    operation: "save-list",
    what: "guarded ÷ bare TypeORM",
    contender: "guarded",
    to: "bare TypeORM",
    limits: {
      postgres: { atMost: 0.1 },
      mariadb: { atMost: 0.1 },
      sqlite: { atMost: 0.2, reason: "what is left out are function calls, not round trips" },
    },
  },
  {
    operation: "remove-list",
    what: "guarded ÷ bare TypeORM",
    contender: "guarded",
    to: "bare TypeORM",
    limits: { postgres: { atMost: 1 }, mariadb: { atMost: 1 }, sqlite: { atMost: 1 } },
  },
  {
    operation: "find-list",
    what: "guarded ÷ bare TypeORM",
    contender: "guarded",
    to: "bare TypeORM",
    limits: {
      postgres: { atMost: 1.08 },
      mariadb: {
        atMost: 1.25,
        reason: "its driver makes rows in less time, so remembering them weighs more",
      },
      sqlite: { atMost: 1.25, reason: "its driver makes rows in less time, so remembering them weighs more" },
    },
  },
  {
    operation: "unit",
    what: "runUnitOfWork ÷ bare TypeORM",
    contender: "guarded",
    to: "bare TypeORM",
    limits: {
      postgres: { atMost: 0.8 },
      mariadb: { atMost: 0.8 },
      sqlite: {
        atMost: 1.4,
        reason: "no lock and no round trips to leave out; a unit takes its turn on the connection",
      },
    },
  },
  {
    operation: "unit",
    what: "runUnitOfWork ÷ MikroORM",
    contender: "guarded",
    to: "MikroORM",
    limits: { postgres: { atMost: 0.6 }, mariadb: { atMost: 0.6 }, sqlite: { atMost: 0.6 } },
  },
  {
    operation: "refused-save",
    what: "refused ÷ successful, both guarded",
    contender: "guarded, refused",
    to: "guarded, nothing stale",
    limits: { postgres: { atMost: 1.5 }, mariadb: { atMost: 1.5 }, sqlite: { atMost: 1.5 } },
  },
];
