import type { EntityMetadata, ObjectLiteral, QueryRunner } from "typeorm";
import { columnValue } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { isSameColumnValue } from "../tracking/entity-changes";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import { HiddenValuesReader } from "./hidden-values";
import { readPlainRows, type PlainRead } from "./plain-read";
import { rowKey } from "../metadata/row-identity";
import { withoutTracking } from "./untracked-reads";

const idsInStatement = 500;

/**
 * How rows are read. `to-tell`: what they hold now. Inside a transaction on MySQL and MariaDB that takes a lock, for a
 * plain read there sees the snapshot; the one for writing, which both spell alike. `to-hold`: they also stay so until
 * the transaction ends. SQLite needs no lock for that: a transaction that has read cannot write any more once somebody
 * else has. `to-glance`: what they seem to hold, without any lock.
 */
export type ReadPurpose = "to-tell" | "to-hold" | "to-glance";

/**
 * Reads the tokens of rows, soft-deleted ones included, by the given query runner.
 *
 * @returns tokens by {@link rowKey}; rows that do not exist are absent.
 */
export async function readTokens(
  guard: Guard,
  queryRunner: QueryRunner,
  description: EntityDescription,
  ids: readonly ObjectLiteral[],
  purpose: ReadPurpose = "to-tell",
): Promise<Map<string, Expectation>> {
  const { metadata, tokens } = description;
  const found = new Map<string, Expectation>();
  await readRows(guard, queryRunner, { metadata, columns: tokens, ids, purpose }, (key, row, hidden) => {
    const unseen = hidden?.valuesOf(description, row);
    const values = tokens.map(
      (token) => [token, unseen?.has(token) ? unseen.get(token) : columnValue(token, row)] as const,
    );
    found.set(key, new Map(values));
  });
  return found;
}

type RowVisitor = (key: string, row: ObjectLiteral, hidden: HiddenValuesReader | undefined) => void;

export interface RowsRead extends Omit<PlainRead, "locks"> {
  readonly purpose: ReadPurpose;
}

/** Reads columns of rows, soft-deleted ones included, and calls `visit` with each row that there is, in the form of an entity. */
export async function readRows(
  guard: Guard,
  queryRunner: QueryRunner,
  { columns, ids, metadata, purpose }: RowsRead,
  visit: RowVisitor,
): Promise<void> {
  const locks = queryRunner.isTransactionActive && takesLock(guard, purpose);
  for (let start = 0; start < ids.length; start += idsInStatement) {
    const some = ids.slice(start, start + idsInStatement);
    const plain = await readPlainRows(guard, queryRunner, { metadata, columns, ids: some, locks });
    if (plain !== undefined) {
      visitEach(metadata, plain, undefined, visit);
      continue;
    }
    const builder = guard.dataSource
      .createQueryBuilder(queryRunner)
      .select([...metadata.primaryColumns, ...columns].map(({ propertyPath }) => `current.${propertyPath}`))
      .from<ObjectLiteral>(metadata.target, "current")
      .whereInIds(some)
      .withDeleted()
      .callListeners(false)
      .cache(false)
      .setOption("create-pojo");
    if (locks) builder.setLock("pessimistic_write");
    const { entities, raw } = await withoutTracking(builder).getRawAndEntities<ObjectLiteral>();
    visitEach(metadata, entities, new HiddenValuesReader(guard, builder, raw), visit);
  }
}

function visitEach(
  metadata: EntityMetadata,
  rows: readonly ObjectLiteral[],
  hidden: HiddenValuesReader | undefined,
  visit: RowVisitor,
): void {
  for (const row of rows) {
    const key = rowKey(metadata, row);
    if (key !== undefined) visit(key, row, hidden);
  }
}

function takesLock({ dialect }: Guard, purpose: ReadPurpose): boolean {
  if (purpose === "to-glance") return false;
  return dialect === "mysql" || dialect === "mariadb" || (dialect === "postgres" && purpose === "to-hold");
}

/** Whether every expected token has the value that was read. */
export function isAsExpected(
  { dataSource: { driver } }: Guard,
  expected: Expectation,
  actual: Expectation | undefined,
): boolean {
  return (
    actual !== undefined &&
    [...expected].every(([token, value]) => {
      const now = actual.get(token);
      // A form brings "1" where the database has 1.
      return isSameColumnValue(driver, token, value, now) || isSameNumber(value, now);
    })
  );
}

function isSameNumber(left: unknown, right: unknown): boolean {
  return (
    typeof left !== typeof right && isNumeric(left) && isNumeric(right) && String(left) === String(right)
  );
}

function isNumeric(value: unknown): boolean {
  return typeof value === "number" || (typeof value === "string" && /^-?\d+$/.test(value));
}
