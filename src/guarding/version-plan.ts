import type { ObjectLiteral } from "typeorm";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { GuardedRow } from "./guarded-row";
import { makeVersion } from "./next-version";
import type { StatementVersion } from "./statement-version";

/**
 * What a statement that changes more than unversioned columns does to the version.
 *
 * @param row the row that is written; undefined for criteria.
 * @param values the entity that is written, or what the statement sets.
 */
export function versionFor(
  { rowVersion, versionSource }: EntityDescription,
  row: GuardedRow | undefined,
  values: ObjectLiteral,
): StatementVersion {
  if (row?.isRaised === true) return { step: "keep" };
  if (versionSource?.kind !== "application") return { step: "raise" };
  const version = rowVersion as Column;
  const [expected] = row?.expectationsFor() ?? [];
  return { step: "set", value: makeVersion(version, versionSource.next, expected?.get(version), values) };
}

/** Whether all that a statement writes is none of the version's concern. */
export function isUnversionedWrite(
  { unversioned }: EntityDescription,
  written: ReadonlySet<Column>,
): boolean {
  return unversioned.size > 0 && written.size > 0 && [...written].every((column) => unversioned.has(column));
}
