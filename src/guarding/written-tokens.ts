import type { ObjectLiteral, QueryBuilder, UpdateResult } from "typeorm";
import { columnValue, isHiddenForeignKey, isStamped, setColumnValue, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { Columns, Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { queryRunnerOf } from "./query-runner-of";
import { askForReturning, returnedName } from "./returning";
import { plannedVersion } from "./statement-version";
import { readTokens } from "./token-reader";

type AnyBuilder = QueryBuilder<ObjectLiteral>;

/**
 * Asks an UPDATE for the tokens where the database can return them, and leaves out TypeORM's SELECT after it where the
 * only thing that would fetch is the version that is known anyway.
 */
export function askForTokens(
  guard: Guard,
  row: GuardedRow,
  builder: AnyBuilder,
  changed: Columns | undefined,
): void {
  const { expressionMap } = builder;
  const { metadata, rowVersion } = row.description;
  if (guard.dataSource.driver.isReturningSqlSupported("update")) {
    askForReturning(row.description, builder, { changed, isVersionKnown: isVersionKnown(row) });
  } else if (rowVersion?.isVersion && isVersionKnown(row)) {
    const isSoft = expressionMap.queryType !== "update";
    const fetched = metadata.columns.some(
      (column) => column.asExpression !== undefined || column.isUpdateDate || (isSoft && column.isDeleteDate),
    );
    if (!fetched) expressionMap.updateEntity = false;
  }
}

function isVersionKnown(row: GuardedRow): boolean {
  const { rowVersion } = row.description;
  return rowVersion !== undefined && row.expectationsFor().every((expected) => expected.has(rowVersion));
}

/** The tokens of the row after an UPDATE that changed it: returned, or known, or read in the same transaction. */
export async function tokensAfter(
  guard: Guard,
  row: GuardedRow,
  builder: AnyBuilder,
  written: Columns,
  { raw }: UpdateResult,
  expected: Expectation | undefined = row.expectationsFor()[0],
): Promise<Expectation> {
  const { rowVersion } = row.description;
  const returned = Array.isArray(raw) ? (raw as unknown[])[0] : undefined;
  const tokens = row.description.tokens.filter(
    (token) => expected?.has(token) === true || written.has(token) || isToldByLoad(row.description, token),
  );
  const known = new Map(returnedTokens(guard, row.description.tokens, returned));
  for (const token of tokens) {
    if (known.has(token)) continue;
    if (token === rowVersion) {
      const version = versionAfter(guard, row, builder, expected);
      if (version !== undefined) known.set(token, version);
    } else if (expected?.has(token) && !written.has(token) && !isStamped(token)) {
      known.set(token, expected.get(token));
    }
  }
  for (const token of known.keys()) if (!tokens.includes(token)) known.delete(token);
  if (tokens.every((token) => known.has(token))) return known;
  const read = (await readRowTokens(guard, row, builder)) ?? new Map<Column, unknown>();
  return new Map([...[...read].filter(([token]) => tokens.includes(token)), ...known]);
}

/** Whether a fresh load of the entity has the token; what it has not is no original of what is in memory. */
export function isToldByLoad({ compared }: EntityDescription, token: Column): boolean {
  return token.isSelect || isHiddenForeignKey(token) || !compared.has(token);
}

// Undefined where only the database can tell.
function versionAfter(
  { dataSource: { driver } }: Guard,
  { description: { rowVersion, versionSource }, isRaised }: GuardedRow,
  builder: AnyBuilder,
  expected: Expectation | undefined,
): unknown {
  if (rowVersion === undefined) return undefined;
  const before = expected?.get(rowVersion);
  const planned = plannedVersion(builder);
  if (planned.step === "set")
    return isStoredAsSent(driver.normalizeType(rowVersion), planned.value) ? planned.value : undefined;
  if (before === undefined || versionSource?.kind !== "increment") return undefined;
  if (planned.step !== "keep") return Number(before) + 1;
  // Of a second write in the same save a trigger may have raised it once more.
  return isRaised ? undefined : before;
}

/** Whether a value comes back from a column of this type as it was sent. */
export function isStoredAsSent(type: string, value: unknown): boolean {
  if (typeof value === "string") return /^(varchar|text|character varying)$/.test(type);
  return typeof value === "number" && Number.isInteger(value) && /^(int|integer)$/.test(type);
}

/** The tokens in a row that a statement returned. */
export function returnedTokens(
  { dataSource: { driver } }: Guard,
  tokens: readonly Column[],
  returned: unknown,
): Expectation {
  if (typeof returned !== "object" || returned === null) return new Map();
  const values = returned as Readonly<Record<string, unknown>>;
  return new Map(
    tokens
      .filter((token) => returnedName(tokens, token) in values)
      .map((token) => [
        token,
        driver.prepareHydratedValue(values[returnedName(tokens, token)], token) as unknown,
      ]),
  );
}

/**
 * Leaves in what TypeORM merges into the entity the new version, which listeners then see, and takes out the tokens that
 * are the application's own columns: the entity may have been edited again meanwhile.
 */
export function keepTokensFromMerge(
  { description: { concurrencyTokens, rowVersion }, tokensAfter: tokens }: GuardedRow,
  { generatedMaps }: { generatedMaps: ObjectLiteral[] },
  index = 0,
): void {
  const generated = (generatedMaps[index] ??= {});
  for (const token of concurrencyTokens) {
    if (!isStamped(token) && columnValue(token, generated) !== undefined)
      setColumnValue(token, generated, undefined);
  }
  if (rowVersion !== undefined && tokens?.has(rowVersion)) {
    setColumnValue(rowVersion, generated, tokens.get(rowVersion));
  }
}

export async function readRowTokens(
  guard: Guard,
  row: GuardedRow,
  builder: AnyBuilder,
): Promise<Expectation | undefined> {
  const queryRunner = queryRunnerOf(builder);
  if (queryRunner === undefined) return undefined;
  return (await readTokens(guard, queryRunner, row.description, [row.id])).get(row.key);
}
