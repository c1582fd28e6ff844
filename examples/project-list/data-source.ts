import { DataSource, type DataSourceOptions } from "typeorm";
import { guardDataSource } from "typeorm-concurrency";
import type { LockRegistry } from "typeorm-concurrency/locks";
import { createProjectLocks } from "./locks";
import { Project } from "./project";
import { Task } from "./task";

/** What each process has: its connections, and the locks that all processes share. */
export interface Connected {
  readonly dataSource: DataSource;
  readonly locks: LockRegistry;
}

export async function connect(database: DataSourceOptions): Promise<Connected> {
  const dataSource = new DataSource({ ...database, entities: [Project, Task] });
  const locks = createProjectLocks(dataSource);
  await guardDataSource(dataSource, { locks }).initialize();
  return { dataSource, locks };
}
