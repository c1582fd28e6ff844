import type { ObjectLiteral, QueryBuilder, QueryRunner, UpdateResult } from "typeorm";
import type { Column } from "../metadata/column";
import type { RowValues } from "../tracking/row-values";
import type { Expectation } from "./expectation";
import type { Guard } from "./guard";
import type { GuardedRow } from "./guarded-row";
import { readTokens } from "./token-reader";

type AnyBuilder = QueryBuilder<ObjectLiteral>;

/**
 * Asks an UPDATE for the tokens where the database can return them, and leaves out TypeORM's SELECT after it where the
 * only thing that would fetch is the version that is known anyway.
 */
export function askForTokens(
  { dataSource: { driver } }: Guard,
  row: GuardedRow,
  { expressionMap }: AnyBuilder,
): void {
  const { metadata, concurrencyTokens, rowVersion } = row.description;
  if (driver.isReturningSqlSupported("update")) {
    if (concurrencyTokens.length > 0 && !expressionMap.returning) {
      expressionMap.returning = concurrencyTokens.map(({ propertyPath }) => propertyPath);
    }
  } else if (rowVersion !== undefined && row.expectations.every((expected) => expected.has(rowVersion))) {
    const isSoft = expressionMap.queryType !== "update";
    const fetched = metadata.columns.some(
      (column) => column.asExpression !== undefined || column.isUpdateDate || (isSoft && column.isDeleteDate),
    );
    if (!fetched) expressionMap.updateEntity = false;
  }
}

/** The tokens of the row after an UPDATE that changed it: returned, or known, or read in the same transaction. */
export async function tokensAfter(
  guard: Guard,
  row: GuardedRow,
  builder: AnyBuilder,
  written: RowValues,
  { raw }: UpdateResult,
): Promise<Expectation> {
  const { rowVersion, tokens } = row.description;
  const returned = Array.isArray(raw) ? (raw as unknown[])[0] : undefined;
  const [expected] = row.expectations;
  const known = new Map(returnedTokens(guard, tokens, returned));
  for (const token of tokens) {
    if (known.has(token) || !expected?.has(token)) continue;
    if (token === rowVersion) known.set(token, Number(expected.get(token) ?? 0) + 1);
    else if (!written.has(token) && !token.isUpdateDate && !token.isDeleteDate)
      known.set(token, expected.get(token));
  }
  if (known.size === tokens.length) return known;
  return new Map([...((await readRowTokens(guard, row, builder)) ?? []), ...known]);
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
      .filter(({ databaseName }) => databaseName in values)
      .map((token) => [token, driver.prepareHydratedValue(values[token.databaseName], token) as unknown]),
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
    if (!token.isUpdateDate && token.getEntityValue(generated) !== undefined)
      token.setEntityValue(generated, undefined);
  }
  if (rowVersion !== undefined && tokens?.has(rowVersion)) {
    rowVersion.setEntityValue(generated, tokens.get(rowVersion));
  }
}

export async function readRowTokens(
  guard: Guard,
  row: GuardedRow,
  builder: AnyBuilder,
): Promise<Expectation | undefined> {
  // TypeORM's persistence makes its builders with the save's own query runner; the types keep it protected.
  const { queryRunner } = builder as unknown as { readonly queryRunner: QueryRunner };
  return (await readTokens(guard, queryRunner, row.description, [row.id])).get(row.key);
}
