import type { QueryRunner } from "typeorm";

/** What PostgreSQL's and MySQL's drivers give as a connection, as far as it can be closed. */
interface Closable {
  end?(): Promise<unknown>;
  destroy?(): void;
}

/**
 * Closes the connection of a query runner that is about to be released. A connection that was killed from outside looks
 * alive for some milliseconds more, and the pool would hand it to whoever asks next: to the next run of the same unit. One
 * whose ROLLBACK has failed would take its open transaction along.
 */
export async function dropConnection(queryRunner: QueryRunner): Promise<void> {
  if (queryRunner.isReleased) return;
  // SQLite's, which everybody shares, has neither.
  const connection = (await queryRunner.connect()) as Closable | undefined;
  // MySQL's has an `end` too, which says goodbye to the server first.
  if (connection?.destroy !== undefined) connection.destroy();
  else void connection?.end?.().catch(() => undefined);
}
