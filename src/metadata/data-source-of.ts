import type { DataSource, EntityManager, QueryRunner } from "typeorm";

/** The DataSource of an entity manager or query runner, which TypeORM 0.3 knows by another name. */
export function dataSourceOf(its: EntityManager | QueryRunner): DataSource {
  const { connection, dataSource } = its as unknown as Readonly<Record<string, DataSource | undefined>>;
  return (dataSource ?? connection) as DataSource;
}
