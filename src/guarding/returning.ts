import type { ObjectLiteral, QueryBuilder } from "typeorm";
import { isHiddenForeignKey, type Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { Columns } from "./expectation";

type AnyBuilder = QueryBuilder<ObjectLiteral>;

/** Builders whose statements return tokens that TypeORM would not know where to put, with the names they have there. */
const besides = new WeakMap<object, readonly string[]>();

/**
 * Makes a statement return the tokens that nobody else could know, where the driver can. Where only changed columns are
 * compared, others may have got values meanwhile that the entity has never read, and that are no originals of its own.
 *
 * @param changed the columns that an UPDATE writes; undefined for an INSERT or a write of the row as a whole.
 * @param isVersionKnown whether the version that a statement raises can be told from the one before.
 */
export function askForReturning(
  { compare, compared, rowVersion, tokens, versionSource }: EntityDescription,
  builder: AnyBuilder,
  {
    changed,
    isVersionKnown = true,
  }: { readonly changed?: Columns | undefined; readonly isVersionKnown?: boolean } = {},
): void {
  const asked = tokens.filter((token) => {
    if (token === rowVersion) return versionSource?.kind !== "increment" || !isVersionKnown;
    if (compare !== "changed-columns" || changed === undefined || !compared.has(token)) return true;
    return changed.has(token) || token.isUpdateDate;
  });
  besides.set(
    builder,
    asked.filter(isUnseen).map((token) => {
      const expression = token.isVirtualProperty ? "CAST(xmin AS text)" : builder.escape(token.databaseName);
      return `${expression} AS ${builder.escape(returnedName(tokens, token))}`;
    }),
  );
  const seen = asked.filter((token) => !isUnseen(token)).map(({ propertyPath }) => propertyPath);
  if (seen.length > 0 && !builder.expressionMap.returning) builder.expressionMap.returning = seen;
}

/** What a statement returns, as TypeORM rendered it, with the tokens that it knows no property for. */
export function returningBesides(builder: AnyBuilder, returning: string): string {
  return [...(returning === "" ? [] : [returning]), ...(besides.get(builder) ?? [])].join(", ");
}

/** The name that a token has in what a statement returns. */
export function returnedName(tokens: readonly Column[], token: Column): string {
  return isUnseen(token) ? `concurrency_token_${tokens.indexOf(token)}` : token.databaseName;
}

function isUnseen(token: Column): boolean {
  return token.isVirtualProperty || isHiddenForeignKey(token);
}
