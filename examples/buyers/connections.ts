import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import { Product } from "./product";

/**
 * DataSources on one database, each with one connection, as if each ran in a server of its own.
 *
 * On SQLite none of them finds the file busy: better-sqlite3 does not wait, so a save goes from BEGIN to COMMIT
 * before another buyer has a turn. Buyers get between each other's read and save.
 */
export class Connections {
  readonly #open: DataSource[] = [];

  constructor(private readonly database: DataSourceOptions) {}

  async open({ isGuarded }: { isGuarded: boolean }): Promise<DataSource> {
    const dataSource = new DataSource({
      ...this.database,
      poolSize: 1,
      entities: [Product],
    } as DataSourceOptions);
    if (isGuarded) guardDataSource(dataSource);
    await dataSource.initialize();
    this.#open.push(dataSource);
    return dataSource;
  }

  async close(): Promise<void> {
    await Promise.all(this.#open.splice(0).map((dataSource) => dataSource.destroy()));
  }
}
