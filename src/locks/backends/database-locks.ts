import type { DataSource, QueryRunner } from "typeorm";
import { GuardConfigurationError } from "../../errors/guard-configuration-error";
import type { ClaimOutcome, Holding, LockBackend, LockClaim } from "./lock-backend";
import { LeaseTable, type OwnLease } from "./lease-table";
import { LockConnection } from "./lock-connection";

/**
 * Keeps locks in three tables of a database: PostgreSQL, MySQL, MariaDB or SQLite. The migration `CreateLockTables`, or
 * `createLockTables(dataSource)`, makes them. Whoever saves entities by the same DataSource looks the locks up in the
 * transaction of the save.
 *
 * @param dataSource need not be initialized yet, and not be guarded, except on SQLite, where everybody has to take turns on the
 * one connection. Every claim and renewal takes a connection of its pool for a moment.
 * @throws GuardConfigurationError for a database that cannot keep locks.
 */
export function databaseLocks(dataSource: DataSource): LockBackend {
  if (typeof dataSource?.createQueryRunner !== "function") {
    throw new GuardConfigurationError(`databaseLocks() needs a DataSource.`);
  }
  return new DatabaseLocks(dataSource);
}

class DatabaseLocks implements LockBackend {
  readonly name = "database";
  readonly #connection: LockConnection;
  readonly #table: LeaseTable;

  constructor(readonly dataSource: DataSource) {
    this.#connection = new LockConnection(dataSource);
    this.#table = new LeaseTable(dataSource);
  }

  async claim(claim: LockClaim): Promise<ClaimOutcome> {
    if (await this.#isStillWaiting(claim)) return { kind: "blocked", by: new Map() };
    const table = this.#table;
    return this.#connection.transaction(async (statements) => {
      const token = await table.passGate(statements);
      const isNew = claim.kind === "lease" && !claim.isQueued;
      const own = isNew ? undefined : await table.ownLease(statements, claim.leaseId);
      if (claim.kind === "addition" && !isUpToDate(own, claim.fencingToken)) return { kind: "lost" };
      const by = await table.blockers(statements, claim, own?.ticket ?? token);
      const isGranted = by.size === 0;
      if (!isGranted && claim.queueMs === undefined) return { kind: "blocked", by };
      await table.putLease(statements, claim, own, isGranted, token);
      if (own === undefined || claim.kind === "addition") await table.putKeys(statements, claim);
      return isGranted ? { kind: "granted", fencingToken: token } : { kind: "blocked", by };
    });
  }

  async renew(leaseId: string, ttlMs: number, fencingToken = 0): Promise<boolean> {
    return this.#connection.run((statements) =>
      this.#table.prolong(statements, leaseId, ttlMs, { fencingToken }),
    );
  }

  async release(leaseId: string): Promise<boolean> {
    return this.#connection.transaction(
      async (statements) => (await this.#table.remove(statements, [leaseId])) > 0,
    );
  }

  async holdings(keys: readonly string[], queryRunner?: QueryRunner): Promise<ReadonlyMap<string, Holding>> {
    return this.#connection.look(queryRunner, (statements) => this.#table.holdings(statements, keys));
  }

  async releaseOperation(operation: string): Promise<number> {
    return this.#connection.transaction(async (statements) =>
      this.#table.remove(statements, await this.#table.idsOfOperation(statements, operation)),
    );
  }

  async purgeExpired(): Promise<number> {
    return this.#connection.transaction((statements) => this.#table.removeExpired(statements));
  }

  // Who waits looks often. That it still has to does not need the gate.
  async #isStillWaiting({ isQueued, leaseId, queueMs }: LockClaim): Promise<boolean> {
    if (!isQueued || queueMs === undefined) return false;
    return this.#connection.run(
      async (statements) =>
        (await this.#table.isBlocked(statements, leaseId)) &&
        (await this.#table.prolong(statements, leaseId, queueMs, "waiting")),
    );
  }
}

function isUpToDate(own: OwnLease | undefined, fencingToken = 0): boolean {
  return own?.fencingToken !== undefined && own.fencingToken >= fencingToken;
}
