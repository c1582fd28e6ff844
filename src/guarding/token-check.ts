import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { isJson } from "../tracking/kept-value";
import type { Dialect } from "./dialect";

const uncomparable: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ["xml", "point", "line", "lseg", "box", "path", "polygon", "circle", "interval"],
  mysql: ["float", "bit"],
  mariadb: ["float", "bit"],
  sqlite: [],
  other: [],
};

/** Throws for a token whose stored value cannot be told equal to the value that was read. */
export function refuseUncomparableToken(driver: DataSource["driver"], dialect: Dialect, token: Column): void {
  const type = driver.normalizeType(token);
  const isSpatial = driver.spatialTypes.includes(token.type as never);
  const isJsonArray = token.isArray && isJson(token);
  if (!isSpatial && !isJsonArray && !uncomparable[dialect].includes(type)) return;
  throw new GuardConfigurationError(
    `${token.entityMetadata.name}.${token.propertyPath} cannot be a concurrency token: a value of type "${type}" does ` +
      `not come back from ${driver.options.type} exactly as it is stored. Use another column, or a @RowVersion().`,
  );
}

/**
 * Throws for an update date as the only thing an entity is checked by where TypeORM stamps whole seconds: two writes
 * within one second would look alike.
 */
export function refuseCoarseUpdateDate(dialect: Dialect, { metadata, tokens }: EntityDescription): void {
  const [only, ...others] = tokens;
  if (dialect === "postgres" || others.length > 0 || !only?.isUpdateDate) return;
  throw new GuardConfigurationError(
    `${metadata.name}.${only.propertyPath} cannot be the only concurrency token on this database: TypeORM stamps an ` +
      `@UpdateDateColumn() with whole seconds there, so two writes within one look alike. Use a @RowVersion().`,
  );
}
