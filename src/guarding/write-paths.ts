/**
 * What the guard does to a write of a guarded entity. `check`: the statement carries the expectation, and the write is
 * refused when the row is not as expected. `raise`: there is no loaded entity to check; the row version is raised, so
 * that everybody who has read the row before is refused. `root`: besides, the aggregate root of what is written is raised,
 * and checked where it is known as a loaded entity. `none`: out of the guard's reach.
 */
export type WriteGuard = "check" | "raise" | "root" | "none";

export interface WritePath {
  readonly write: string;
  readonly guard: WriteGuard;
  readonly explanation: string;
}

/** Every way in which TypeORM writes to the table of a guarded entity. The documentation shows this table. */
export const writePaths = {
  save: {
    write: "`save` of a loaded entity",
    guard: "check",
    explanation: "predicate on every token in the UPDATE; the new version is put into the entity",
  },
  saveList: {
    write: "`save` of a list",
    guard: "check",
    explanation: "as for one; every conflict of the list is reported and nothing of it is written",
  },
  saveByCascade: {
    write: "`save` by cascade",
    guard: "check",
    explanation: "as for one, for every entity that is reached and changed",
  },
  saveDeleted: {
    write: "`save` of an entity whose row has been deleted",
    guard: "check",
    explanation: 'refused with reason "deleted"; never inserted again',
  },
  saveWithoutListeners: {
    write: "`save(…, { listeners: false })`",
    guard: "check",
    explanation: "guarded the same",
  },
  saveWithoutTransaction: {
    write: "`save(…, { transaction: false })`",
    guard: "check",
    explanation: "guarded the same; a save of several rows runs in a transaction all the same",
  },
  saveWithoutReload: {
    write: "`save(…, { reload: false })`",
    guard: "check",
    explanation: "guarded the same; the version in memory is right all the same",
  },
  saveInChunks: { write: "`save(…, { chunk })`", guard: "check", explanation: "guarded the same" },
  savePlainObject: {
    write: "`save` of a plain object with key and token",
    guard: "check",
    explanation: "the token in the object is the expectation",
  },
  remove: { write: "`remove`", guard: "check", explanation: "predicate per row in the DELETE" },
  removeList: {
    write: "`remove` of a list",
    guard: "check",
    explanation: "predicate per row, one statement; all or nothing",
  },
  removeByCascade: { write: "`remove` by cascade", guard: "check", explanation: "predicate per row" },
  softRemove: { write: "`softRemove`", guard: "check", explanation: "predicate in the UPDATE" },
  recover: { write: "`recover`", guard: "check", explanation: "predicate in the UPDATE" },
  update: {
    write: "`update`",
    guard: "raise",
    explanation: "a version among the values is ignored: it is raised, never set",
  },
  increment: { write: "`increment`, `decrement`", guard: "raise", explanation: "" },
  softDelete: { write: "`softDelete`", guard: "raise", explanation: "" },
  restore: { write: "`restore`", guard: "raise", explanation: "" },
  updateBuilder: { write: "update query builder", guard: "raise", explanation: "as `update`" },
  upsert: {
    write: "`upsert`, insert query builder with `orUpdate`",
    guard: "raise",
    explanation: "on the update branch",
  },
  saveRoot: {
    write: "`save` of a root whose `@VersionedRelation()` members change",
    guard: "root",
    explanation: "checked and raised once per save, before anything else is written",
  },
  saveMember: {
    write: "`save`, `remove`, `softRemove`, `recover` of such a member alone",
    guard: "root",
    explanation: "of the root it was loaded with, or that its relation or foreign key names",
  },
  relationBuilder: {
    write: "relation query builder on such a relation",
    guard: "root",
    explanation: "in one transaction with the change",
  },
  delete: {
    write: "`delete`, delete query builder, `clear`",
    guard: "none",
    explanation: "no loaded entity, and no row left to raise; use `remove` where it matters",
  },
  raw: {
    write: "raw SQL, `ON DELETE CASCADE`, `ON UPDATE CASCADE`",
    guard: "none",
    explanation: "not seen by TypeORM",
  },
} as const satisfies Readonly<Record<string, WritePath>>;
