import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { isJson } from "../tracking/kept-value";
import type { Dialect } from "../metadata/dialect";

const uncomparable: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ["xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "interval"],
  mysql: ["float", "bit"],
  mariadb: ["float", "bit"],
  sqlite: [],
  other: [],
};

/** Throws for an entity whose tokens this database cannot tell apart. */
export function refuseUnfitTokens(
  { driver, options }: DataSource,
  dialect: Dialect,
  description: EntityDescription,
): void {
  for (const token of description.tokens) refuseUncomparableToken(driver, dialect, description, token);
  refuseCoarseInstant(driver, dialect, description);
  const { metadata, rowVersion, versionSource } = description;
  if (versionSource?.kind === "xmin" && options.type !== "postgres" && options.type !== "aurora-postgres") {
    throw new GuardConfigurationError(
      `${metadata.name}.${rowVersion?.propertyPath} is a row version by xmin, which only PostgreSQL has, and this DataSource ` +
        `is of type "${options.type}". Use @RowVersion() without a source.`,
    );
  }
}

// A value that does not come back as it is stored cannot be told equal to it.
function refuseUncomparableToken(
  driver: DataSource["driver"],
  dialect: Dialect,
  { compared }: EntityDescription,
  token: Column,
): void {
  const type = driver.normalizeType(token);
  const isSpatial = driver.spatialTypes.includes(token.type as never);
  const isJsonArray = token.isArray && isJson(token);
  if (!isSpatial && !isJsonArray && !uncomparable[dialect].includes(type)) return;
  const remedy = compared.has(token)
    ? `Leave it out of its entity's optimistic locking with @Unversioned().`
    : `Use another column, or a @RowVersion().`;
  throw new GuardConfigurationError(
    `${token.entityMetadata.name}.${token.propertyPath} cannot be a concurrency token: a value of type "${type}" does ` +
      `not come back from ${driver.options.type} exactly as it is stored. ${remedy}`,
  );
}

// TypeORM stamps whole seconds, and so does a column that keeps no more: two writes within one second would look alike.
function refuseCoarseInstant(
  driver: DataSource["driver"],
  dialect: Dialect,
  { metadata, rowVersion, tokens, versionSource }: EntityDescription,
): void {
  const [only, ...others] = tokens;
  const precision = rowVersion?.precision ?? (dialect === "postgres" ? 6 : 0);
  const isCoarse = dialect !== "sqlite" && dialect !== "other" && precision < 3;
  if (
    // A trigger may see to it that each write has a later instant; ON UPDATE does not.
    rowVersion?.onUpdate !== undefined &&
    versionSource?.kind === "database" &&
    isCoarse &&
    /^(date|timestamp)/.test(driver.normalizeType(rowVersion))
  ) {
    throw new GuardConfigurationError(
      `${metadata.name}.${rowVersion.propertyPath} cannot be the row version with a precision of ${precision}: two writes ` +
        `within one unit of it look alike. Give the column a precision of 3 or more.`,
    );
  }
  if (dialect === "postgres" || others.length > 0 || !only?.isUpdateDate) return;
  throw new GuardConfigurationError(
    `${metadata.name}.${only.propertyPath} cannot be the only concurrency token on this database: TypeORM stamps an ` +
      `@UpdateDateColumn() with whole seconds there, so two writes within one look alike. Use a @RowVersion().`,
  );
}
