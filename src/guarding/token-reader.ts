import type { ObjectLiteral, QueryRunner } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import { isSameColumnValue } from "../tracking/entity-changes";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { rowKey } from "./row-identity";
import { withoutTracking } from "./untracked-reads";

const idsInStatement = 500;

/**
 * Reads the tokens of rows, soft-deleted ones included, by the given query runner.
 *
 * @param purpose `to-tell`: what the rows hold now. Inside a transaction on MySQL and MariaDB that takes a lock, for a
 * plain read there sees the snapshot; the one for writing, which both spell alike. `to-hold`: they also stay so until
 * the transaction ends. SQLite needs no lock for that: a transaction that has read cannot write any more once somebody
 * else has.
 * @returns tokens by {@link rowKey}; rows that do not exist are absent.
 */
export async function readTokens(
  guard: Guard,
  queryRunner: QueryRunner,
  { metadata, tokens }: EntityDescription,
  ids: readonly ObjectLiteral[],
  purpose: "to-tell" | "to-hold" = "to-tell",
): Promise<Map<string, Expectation>> {
  const found = new Map<string, Expectation>();
  const { dialect } = guard;
  for (let start = 0; start < ids.length; start += idsInStatement) {
    const builder = guard.dataSource
      .createQueryBuilder(queryRunner)
      .select([...metadata.primaryColumns, ...tokens].map(({ propertyPath }) => `current.${propertyPath}`))
      .from<ObjectLiteral>(metadata.target, "current")
      .whereInIds(ids.slice(start, start + idsInStatement))
      .withDeleted()
      .callListeners(false)
      .cache(false)
      .setOption("create-pojo");
    const takesLock =
      dialect === "mysql" || dialect === "mariadb" || (dialect === "postgres" && purpose === "to-hold");
    if (queryRunner.isTransactionActive && takesLock) builder.setLock("pessimistic_write");
    for (const row of await withoutTracking(builder).getMany()) {
      const key = rowKey(metadata, row);
      if (key === undefined) continue;
      found.set(key, new Map(tokens.map((token) => [token, token.getEntityValue(row) as unknown])));
    }
  }
  return found;
}

/** Whether every expected token has the value that was read. */
export function isAsExpected(
  { dataSource: { driver } }: Guard,
  expected: Expectation,
  actual: Expectation | undefined,
): boolean {
  return (
    actual !== undefined &&
    [...expected].every(([token, value]) => isSameColumnValue(driver, token, value, actual.get(token)))
  );
}
