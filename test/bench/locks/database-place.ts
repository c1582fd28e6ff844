import { DataSource } from "typeorm";
import { createLockRegistry, createLockTables, databaseLocks } from "typeorm-concurrency/locks";
import { createScratchDatabase, type ScratchDatabaseName } from "../../support/scratch-database";
import { Item } from "../item";
import { databaseSetting } from "../setting";
import type { StatementCounter } from "../statement-counter";
import type { LockPlace, NaiveLocks } from "./lock-place";
import { rawDriverOf, type RawDriver } from "./raw-driver";

const names: Readonly<Record<ScratchDatabaseName, string>> = {
  postgres: "PostgreSQL",
  mariadb: "MariaDB",
  sqlite: "SQLite",
};

/**
 * A new database with the tables of the locks.
 *
 * @throws ServerAbsentError
 */
export async function databasePlace(
  name: ScratchDatabaseName,
  counter: StatementCounter,
): Promise<LockPlace> {
  const scratch = await createScratchDatabase(name);
  try {
    const { options } = scratch;
    const dataSource = new DataSource({ ...options, entities: [Item], logging: true, logger: counter });
    await dataSource.initialize();
    await createLockTables(dataSource);
    const raw = await rawDriverOf(dataSource);
    return {
      name: names[name],
      setting: await databaseSetting(dataSource),
      registry: createLockRegistry({ backend: databaseLocks(dataSource) }),
      naive: await naiveBy(raw, counter),
      async close() {
        await raw
          .close()
          .then(() => dataSource.destroy())
          .finally(() => scratch.drop());
      },
    };
  } catch (error) {
    await scratch.drop();
    throw error;
  }
}

// Each statement is a transaction, as it has to be for others to see it.
async function naiveBy(raw: RawDriver, counter: StatementCounter): Promise<NaiveLocks> {
  const send = async (sql: string, parameters: readonly unknown[]): Promise<number> => {
    counter.logQuery();
    return raw.send(sql, parameters);
  };
  const list = (keys: readonly string[], one: string): string => keys.map(() => one).join(", ");
  await send("CREATE TABLE naive_lock (entity varchar(190) PRIMARY KEY, holder varchar(36) NOT NULL)", []);
  await send("CREATE INDEX naive_lock_holder ON naive_lock (holder)", []);
  return {
    name: "INSERT, DELETE",
    async hold(holder, keys) {
      const sql = `INSERT INTO naive_lock (entity, holder) VALUES ${list(keys, "(?, ?)")}`;
      await send(
        sql,
        keys.flatMap((key) => [key, holder]),
      );
    },
    async free(holder) {
      await send("DELETE FROM naive_lock WHERE holder = ?", [holder]);
    },
    held: (keys) => send(`SELECT holder FROM naive_lock WHERE entity IN (${list(keys, "?")})`, keys),
  };
}
