import { inspect, types } from "node:util";
import type { DataSource } from "typeorm";
import { guardDataSource, isOptimisticLockError, type GuardOptions } from "typeorm-concurrency";
import type { Scratch } from "../support/databases";
import { openFresh, type Entities } from "./support";

/** Two DataSources on one schema: one that writes directly and one that writes as TypeORM does. */
export interface Pair {
  readonly direct: DataSource;
  readonly reference: DataSource;
}

export async function openPair(
  scratch: Scratch,
  entities: Entities,
  { guard = {}, ...extra }: { guard?: GuardOptions } & Record<string, unknown> = {},
): Promise<Pair> {
  const { dataSource: direct } = await openFresh(scratch, entities, { guarded: false, ...extra });
  guardDataSource(direct, guard);
  const reference = scratch.dataSource(entities, extra);
  guardDataSource(reference, { ...guard, directWrites: false });
  return { direct, reference: await reference.initialize() };
}

/** Runs a scenario in both worlds, each on empty tables. What it returns must be the same. */
export async function expectSame(
  { direct, reference }: Pair,
  scenario: (dataSource: DataSource) => Promise<unknown>,
): Promise<void> {
  const outcomes: string[] = [];
  for (const dataSource of [direct, reference]) {
    await empty(dataSource);
    outcomes.push(
      shown(await scenario(dataSource).catch((error: unknown) => ({ threw: errorShown(error) }))),
    );
  }
  expect(outcomes[0]).toBe(outcomes[1]);
}

/** What a step ends with: nothing to see, or its error as data. */
export async function outcomeOf(step: () => Promise<unknown>): Promise<unknown> {
  return step().then(
    () => "done",
    (error: unknown) => errorShown(error),
  );
}

/** A table as the database has it, without types that a driver would make. */
export function rowsOf(dataSource: DataSource, target: Function, order = "id"): Promise<unknown> {
  const { tablePath } = dataSource.getMetadata(target);
  const table = tablePath.split(".").map((part) => dataSource.driver.escape(part));
  return dataSource.query(`SELECT * FROM ${table.join(".")} ORDER BY ${dataSource.driver.escape(order)}`);
}

async function empty(dataSource: DataSource): Promise<void> {
  const isMaria = dataSource.options.type === "mariadb";
  const queryRunner = dataSource.createQueryRunner();
  if (isMaria) await queryRunner.query("SET FOREIGN_KEY_CHECKS = 0");
  for (const { tablePath, tableType } of [...dataSource.entityMetadatas].reverse()) {
    if (tableType === "view") continue;
    const table = tablePath.split(".").map((part) => dataSource.driver.escape(part));
    await queryRunner.query(`DELETE FROM ${table.join(".")}`);
  }
  if (isMaria) await queryRunner.query("SET FOREIGN_KEY_CHECKS = 1");
  await queryRunner.release();
}

function errorShown(error: unknown): unknown {
  if (isOptimisticLockError(error)) {
    const conflicts = error.conflicts.map((conflict) => ({
      ...conflict,
      target: undefined,
      entity: conflict.entity !== undefined,
    }));
    return { refused: conflicts, retryable: error.retryable };
  }
  // What the database says of it is of the statement.
  return (error as Error).name;
}

function shown(value: unknown): string {
  return inspect(withoutNow(value), {
    depth: 12,
    sorted: true,
    maxArrayLength: 40,
    breakLength: 100,
    maxStringLength: 200,
  });
}

// The time at which something was written is another one in each world.
function withoutNow(value: unknown): unknown {
  if (types.isDate(value)) {
    return Math.abs(value.getTime() - Date.now()) < 36e5 * 14 ? "Date: now" : value;
  }
  if (typeof value === "string" && value.length > 100) return `${value.slice(0, 20)}… ${value.length}`;
  if (typeof value === "string" && /^20\d\d-\d\d-\d\d \d\d:\d\d:\d\d/.test(value)) {
    return Math.abs(new Date(value).getTime() - Date.now()) < 36e5 * 14 ? "string: now" : value;
  }
  if (Array.isArray(value)) return value.map(withoutNow);
  if (typeof value !== "object" || value === null || ArrayBuffer.isView(value)) return value;
  const plain = [Object.prototype, null].includes(Object.getPrototypeOf(value) as object | null);
  const copy = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, withoutNow(inner)]));
  return plain || Object.keys(copy).length > 0 ? copy : value;
}
