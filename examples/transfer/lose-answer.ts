import { QueryFailedError, type DataSource } from "typeorm";

/**
 * Stands in for a network that breaks after the database has executed the next COMMIT, and before its answer is back.
 *
 * @returns whether that has happened.
 */
export function loseNextAnswer(dataSource: DataSource): () => boolean {
  let isLost = false;
  const createQueryRunner = dataSource.createQueryRunner.bind(dataSource);
  dataSource.createQueryRunner = (mode) => {
    dataSource.createQueryRunner = createQueryRunner;
    const queryRunner = createQueryRunner(mode);
    const query = queryRunner.query.bind(queryRunner);
    queryRunner.query = async (sql: string, ...others: []) => {
      const answer = await query(sql, ...others);
      if (sql !== "COMMIT") return answer;
      queryRunner.query = query;
      isLost = true;
      throw new QueryFailedError(
        sql,
        [],
        Object.assign(new Error("read ECONNRESET"), { code: "ECONNRESET" }),
      );
    };
    return queryRunner;
  };
  return () => isLost;
}
