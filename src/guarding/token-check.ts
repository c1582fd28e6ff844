import type { DataSource } from "typeorm";
import { GuardConfigurationError } from "../errors/guard-configuration-error";
import type { Column } from "../metadata/column";
import type { Dialect } from "./dialect";

const uncomparable: Readonly<Record<Dialect, readonly string[]>> = {
  postgres: ["xml", "point", "line", "lseg", "box", "path", "polygon", "circle"],
  mysql: ["float"],
  mariadb: ["float"],
  sqlite: [],
  other: [],
};

/** Throws for a token whose stored value cannot be told equal to the value that was read. */
export function refuseUncomparableToken(driver: DataSource["driver"], dialect: Dialect, token: Column): void {
  const type = driver.normalizeType(token);
  const isSpatial = driver.spatialTypes.includes(token.type as never);
  if (!isSpatial && !uncomparable[dialect].includes(type)) return;
  throw new GuardConfigurationError(
    `${token.entityMetadata.name}.${token.propertyPath} cannot be a concurrency token: a value of type "${type}" does ` +
      `not come back from ${driver.options.type} exactly as it is stored. Use another column, or a @RowVersion().`,
  );
}
