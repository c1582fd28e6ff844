import type { ObjectLiteral } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import { MissingTokenError } from "../errors/missing-token-error";
import { expectationOf, isRelevant } from "./expectation";
import { guardOfEntity } from "./guard-of";
import { rowKey } from "../metadata/row-identity";
import { encodeVersion } from "./version-token";

/**
 * The version of the row that an entity was loaded from, or was last saved to: all of its tokens in one opaque string of
 * letters, digits, `.`, `-` and `_`, for a hidden form field, a URL or an ETag. {@link expectVersion} takes it back.
 *
 * The string is encoded and not encrypted: whoever gets it can read the values of the tokens, which with
 * `@OptimisticLocking()` are all compared columns.
 *
 * @param entity an entity that was loaded or saved through a guarded DataSource.
 * @throws GuardConfigurationError for an entity that was not, or that has nothing to be checked by; MissingTokenError for
 * one that was loaded without a token.
 */
export function versionOf(entity: ObjectLiteral): string {
  const guard = guardOfEntity(entity);
  const original = guard?.tracker.originalOf(entity);
  const description = original && guard?.describe(original.shape.metadata);
  const key = description && rowKey(description.metadata, entity);
  if (description === undefined || key === undefined || description.tokens.length === 0) {
    throw new GuardConfigurationError(
      `versionOf was given ${entity.constructor?.name ?? "an object"} that has no known version: it has neither been loaded ` +
        `nor saved through a guarded DataSource, or its entity has no row version and no concurrency token.`,
    );
  }
  const { expectation, missing } = expectationOf(description, original, entity);
  const unknown = missing.filter((token) => isRelevant(description, token, false, undefined));
  if (unknown.length === 0) return encodeVersion(description, key, expectation);
  throw new MissingTokenError(
    description.metadata.name,
    description.metadata.getEntityIdMap(entity) ?? {},
    unknown.map(({ propertyPath }) => propertyPath),
  );
}
