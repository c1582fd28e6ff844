import type { DataSource } from "typeorm";

const postgresVictim = `
  SELECT pid AS id FROM pg_stat_activity
  WHERE datname = current_database() AND pid <> pg_backend_pid() AND backend_type = 'client backend'
  ORDER BY state = 'active' AND query = 'COMMIT' DESC, random() LIMIT 1`;

const mariadbVictim = `
  SELECT id AS id FROM information_schema.processlist
  WHERE db = database() AND id <> connection_id() AND command <> 'Killed'
  ORDER BY info <=> 'COMMIT' DESC, rand() LIMIT 1`;

const noSuchThread = 1094;

/**
 * Kills another connection to the same database: one that is committing, if there is one. Resolves to whether there was
 * any.
 */
export async function killOneConnection({ manager, options }: DataSource): Promise<boolean> {
  const isPostgres = options.type === "postgres";
  const [victim]: { id: number }[] = await manager.query(isPostgres ? postgresVictim : mariadbVictim);
  if (victim === undefined) return false;
  if (isPostgres) {
    const [{ was_there }] = await manager.query("SELECT pg_terminate_backend($1) AS was_there", [victim.id]);
    return was_there as boolean;
  }
  return manager.query(`KILL CONNECTION ${victim.id}`).then(
    () => true,
    (error: unknown) => {
      if ((error as { readonly errno?: number }).errno === noSuchThread) return false;
      throw error;
    },
  );
}
