/**
 * What an UPDATE does to the row version. `raise`: as the version's source has it, which the statement may do by TypeORM
 * or the database alone. `keep`: nothing. `set`: it writes a version that the application has made, or that a function gives the SQL for.
 */
export type StatementVersion =
  { readonly step: "raise" } | { readonly step: "keep" } | { readonly step: "set"; readonly value: unknown };

// Kept beside the builders rather than on them: a builder is given its guarded class after it was constructed.
const planned = new WeakMap<object, StatementVersion>();

export function planVersion(builder: object, version: StatementVersion): void {
  planned.set(builder, version);
}

export function plannedVersion(builder: object): StatementVersion {
  return planned.get(builder) ?? { step: "raise" };
}
