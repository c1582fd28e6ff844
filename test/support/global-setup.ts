import { createConnection } from "mysql2/promise";
import { startPostgres } from "./embedded-postgres";
import { answersPing, redisUrl } from "./redis";
import { makeScratchFolder } from "./scratch-folder";

/** Starts what the tests need and tells the workers, by environment, what is there. */
export default async function setUp(): Promise<void> {
  if (process.env["POSTGRES_URL"] === undefined) {
    const postgres = await startPostgres(makeScratchFolder("typeorm-concurrency-postgres-"));
    process.env["POSTGRES_URL"] = postgres.url;
    (globalThis as { stopPostgres?: () => Promise<void> }).stopPostgres = () => postgres.stop();
  }
  const mariadbUrl = process.env["MARIADB_URL"] ?? "mysql://root@127.0.0.1:3306";
  try {
    const connection = await createConnection(mariadbUrl);
    await connection.end();
    process.env["MARIADB_URL"] = mariadbUrl;
  } catch (error) {
    if (process.env["CI"] === "true")
      throw new Error(`MariaDB is needed in CI, at ${mariadbUrl}`, { cause: error });
    process.env["MARIADB_ABSENT"] = `no server answers at ${mariadbUrl}`;
    process.stderr.write(`MariaDB suites are skipped: ${process.env["MARIADB_ABSENT"]}; set MARIADB_URL.\n`);
  }
  if (await answersPing(redisUrl())) {
    process.env["REDIS_URL"] = redisUrl();
  } else {
    if (process.env["CI"] === "true") throw new Error(`Redis is needed in CI, at ${redisUrl()}`);
    process.env["REDIS_ABSENT"] = `no server answers at ${redisUrl()}`;
    process.stderr.write(`Redis suites are skipped: ${process.env["REDIS_ABSENT"]}; set REDIS_URL.\n`);
  }
}
