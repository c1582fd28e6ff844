import type { DataSource } from "typeorm";
import type { Holding, LockClaim, StoredLease } from "./lock-backend";
import { inChunks, lockSyntax, placeholders, type LockRow, type LockStatements } from "./lock-statements";
import { lockDialectOf, lockTablesOf } from "./lock-tables";

/** What a lease that claims something has in the table already. */
export interface OwnLease {
  readonly ticket: number;
  /** Undefined while it waits. */
  readonly fencingToken: number | undefined;
}

/** The statements on the tables of the locks. Which of them need one transaction is for the caller to know. */
export class LeaseTable {
  constructor(private readonly dataSource: DataSource) {}

  /**
   * Makes claims come one after the other, so that no two wait for each other's keys, and returns the next fencing token.
   * By the clock, it grows too when the tables were made anew.
   */
  async passGate(statements: LockStatements): Promise<number> {
    const { gate, lease } = this.#tables;
    const { greatest, now } = this.#syntax;
    await statements.change(
      `UPDATE ${gate} SET last_token = ${greatest}(last_token + 1, ${now} * 1000) WHERE id = ?`,
      [1],
    );
    const expired = `SELECT COUNT(*) FROM ${lease} WHERE expires_at <= ${now}`;
    const [row] = await statements.select(
      `SELECT last_token, (${expired}) AS expired FROM ${gate} WHERE id = ?`,
      [1],
    );
    if (row === undefined) throw new Error(`the row of ${gate} does not exist`);
    if (Number(row["expired"]) > 0) await this.removeExpired(statements);
    return Number(row["last_token"]);
  }

  async removeExpired(statements: LockStatements): Promise<number> {
    const { lease } = this.#tables;
    const isExpired = `expires_at <= ${this.#syntax.now}`;
    const ids = idsOf(await statements.select(`SELECT id FROM ${lease} WHERE ${isExpired}`, []));
    return this.remove(statements, ids, isExpired);
  }

  /** The lease first: whoever renews it, or adds to it, at the same time comes before or after the whole. */
  async remove(statements: LockStatements, ids: readonly string[], condition = "1 = 1"): Promise<number> {
    const { entity, lease } = this.#tables;
    let removed = 0;
    for (const chunk of inChunks(ids)) {
      const list = placeholders(chunk.length);
      removed += await statements.change(`DELETE FROM ${lease} WHERE id IN ${list} AND ${condition}`, chunk);
      const kept = new Set(
        idsOf(await statements.select(`SELECT id FROM ${lease} WHERE id IN ${list}`, chunk)),
      );
      const gone = chunk.filter((id) => !kept.has(id));
      if (gone.length === 0) continue;
      await statements.change(`DELETE FROM ${entity} WHERE lease_id IN ${placeholders(gone.length)}`, gone);
    }
    return removed;
  }

  async ownLease(statements: LockStatements, leaseId: string): Promise<OwnLease | undefined> {
    const [row] = await statements.select(
      `SELECT ticket, fencing_token FROM ${this.#tables.lease} WHERE id = ?${this.#syntax.forUpdate}`,
      [leaseId],
    );
    return row && { ticket: Number(row["ticket"]), fencingToken: tokenOf(row) };
  }

  async blockers(
    statements: LockStatements,
    { keys, operation }: LockClaim,
    ticket: number,
  ): Promise<Map<string, StoredLease>> {
    const by = new Map<string, StoredLease>();
    for (const chunk of inChunks(keys)) {
      const rows = await statements.select(
        `SELECT e.entity, l.operation, l.reason, l.since, l.expires_at, l.fencing_token ` +
          `${this.#syntax.ofKeys(this.#tables, chunk.length)} AND ${this.#blocks("?", "?")}`,
        [...chunk, operation, ticket, operation],
      );
      for (const row of rows) {
        const key = String(row["entity"]);
        const stored = storedLease(row);
        // Who holds it says more than who waits for it.
        if (!by.has(key) || stored.fencingToken !== undefined) by.set(key, stored);
      }
    }
    return by;
  }

  // Whether lease `l` keeps a claim waiting, in the order: operation, ticket, operation.
  #blocks(operation: string, ticket: string): string {
    return (
      `l.operation <> ${operation} AND (l.fencing_token IS NOT NULL OR (l.ticket < ${ticket} AND NOT EXISTS (` +
      `SELECT 1 FROM ${this.#tables.lease} o WHERE o.operation = ${operation} AND o.fencing_token IS NOT NULL)))`
    );
  }

  async putLease(
    statements: LockStatements,
    { leaseId, operation, queueMs = 0, reason, ttlMs }: LockClaim,
    own: OwnLease | undefined,
    isGranted: boolean,
    token: number,
  ): Promise<void> {
    const { lease } = this.#tables;
    const { now } = this.#syntax;
    const lastsMs = isGranted ? ttlMs : queueMs;
    const fencingToken = isGranted ? token : null;
    if (own === undefined) {
      await statements.change(
        `INSERT INTO ${lease} (id, operation, reason, ticket, fencing_token, since, expires_at) ` +
          `VALUES (?, ?, ?, ?, ?, ${now}, ${now} + ?)`,
        [leaseId, operation, reason ?? null, token, fencingToken, lastsMs],
      );
      return;
    }
    const isHeld = own.fencingToken !== undefined;
    const since = isGranted && !isHeld ? now : "since";
    const expiresAt = isHeld ? this.#later("expires_at") : `${now} + ?`;
    await statements.change(
      `UPDATE ${lease} SET since = ${since}, expires_at = ${expiresAt}, fencing_token = ? WHERE id = ?`,
      [lastsMs, fencingToken, leaseId],
    );
  }

  /** Those that it has already, by an addition whose answer was lost, are left as they are. */
  async putKeys(statements: LockStatements, { keys, leaseId }: LockClaim): Promise<void> {
    for (const chunk of inChunks(keys)) {
      const values = chunk.map(() => "(?, ?)").join(", ");
      await statements.change(
        `INSERT INTO ${this.#tables.entity} (entity, lease_id) VALUES ${values}${this.#syntax.unlessExists}`,
        chunk.flatMap((key) => [key, leaseId]),
      );
    }
  }

  async isBlocked(statements: LockStatements, leaseId: string): Promise<boolean> {
    const { entity, lease } = this.#tables;
    const rows = await statements.select(
      `SELECT 1 AS blocked FROM ${lease} own JOIN ${entity} m ON m.lease_id = own.id ` +
        `JOIN ${entity} e ON e.entity = m.entity JOIN ${lease} l ON l.id = e.lease_id ` +
        `WHERE own.id = ? AND l.expires_at > ${this.#syntax.now} AND ${this.#blocks("own.operation", "own.ticket")} LIMIT 1`,
      [leaseId],
    );
    return rows.length > 0;
  }

  /** Lets a lease last longer, or the place of one that waits; false when it has none any more. */
  async prolong(
    statements: LockStatements,
    leaseId: string,
    byMs: number,
    state: "waiting" | { readonly fencingToken: number },
  ): Promise<boolean> {
    const [condition, values] = state === "waiting" ? ["IS NULL", []] : [">= ?", [state.fencingToken]];
    const { lease } = this.#tables;
    const isThere = `id = ? AND fencing_token ${condition} AND expires_at > ${this.#syntax.now}`;
    const changed = await statements.change(
      `UPDATE ${lease} SET expires_at = ${this.#later("expires_at")} WHERE ${isThere}`,
      [byMs, leaseId, ...values],
    );
    if (changed > 0) return true;
    // MySQL does not count a row that had its value already, when it is told so by the client's flags.
    const rows = await statements.select(`SELECT id FROM ${lease} WHERE ${isThere}`, [leaseId, ...values]);
    return rows.length > 0;
  }

  async holdings(statements: LockStatements, keys: readonly string[]): Promise<ReadonlyMap<string, Holding>> {
    const rows: LockRow[] = [];
    for (const chunk of inChunks(keys)) {
      const sql =
        `SELECT e.entity, e.lease_id, l.operation, l.reason, l.since, l.expires_at, l.fencing_token ` +
        `${this.#syntax.ofKeys(this.#tables, chunk.length)} AND l.fencing_token IS NOT NULL AND l.expires_at > ${this.#syntax.now} ORDER BY l.since`;
      rows.push(...(await statements.select(sql, chunk)));
    }
    return holdingsOf(rows);
  }

  async idsOfOperation(statements: LockStatements, operation: string): Promise<string[]> {
    return idsOf(
      await statements.select(`SELECT id FROM ${this.#tables.lease} WHERE operation = ?`, [operation]),
    );
  }

  get #tables(): ReturnType<typeof lockTablesOf> {
    return lockTablesOf(this.dataSource);
  }

  get #syntax(): (typeof lockSyntax)[keyof typeof lockSyntax] {
    return lockSyntax[lockDialectOf(this.dataSource)];
  }

  // With a parameter: how long from now.
  #later(than: string): string {
    return `${this.#syntax.greatest}(${than}, ${this.#syntax.now} + ?)`;
  }
}

function holdingsOf(rows: readonly LockRow[]): Map<string, Holding> {
  const held = new Map<string, { readonly lease: StoredLease; readonly leaseIds: string[] }>();
  for (const row of rows) {
    const key = String(row["entity"]);
    const holding = held.get(key) ?? { lease: storedLease(row), leaseIds: [] };
    held.set(key, holding);
    holding.leaseIds.push(String(row["lease_id"]));
  }
  return held;
}

function storedLease(row: LockRow): StoredLease {
  return {
    operation: String(row["operation"]),
    reason: (row["reason"] as string | null) ?? undefined,
    since: Number(row["since"]),
    expiresAt: Number(row["expires_at"]),
    fencingToken: tokenOf(row),
  };
}

function tokenOf(row: LockRow): number | undefined {
  return row["fencing_token"] === null ? undefined : Number(row["fencing_token"]);
}

function idsOf(rows: readonly LockRow[]): string[] {
  return rows.map((row) => String(row["id"]));
}
