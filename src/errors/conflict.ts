import type { EntityTarget, ObjectLiteral } from "typeorm";

/** What the refused write was trying to do. */
export type ConflictOperation = "update" | "remove" | "soft-remove" | "recover" | "touch" | "verify";

/** What happened to the row since the writer read it. */
export type ConflictReason = "modified" | "deleted";

/** One row that a write relied on and that no longer is as the writer knew it. */
export interface Conflict<E extends ObjectLiteral = ObjectLiteral> {
  /** The entity's name, as TypeORM's metadata has it. */
  readonly entityName: string;
  /** The entity class, schema or name, as TypeORM's metadata has it. */
  readonly target: EntityTarget<E>;
  /** The row's primary key: an object of key properties. */
  readonly id: ObjectLiteral;
  readonly operation: ConflictOperation;
  /** `deleted`: there is no row with this id. `modified`: there is, with other token values. */
  readonly reason: ConflictReason;
  /**
   * Where the expectation came from: `load` is the entity as it was read, or as it was handed to the save;
   * `caller` is a value that the caller named, which no fresh read can change.
   */
  readonly expectedBy: "load" | "caller";
  /** Token property path to the value the writer relied on; of a relation that is a token, `owner.id` to the foreign key. */
  readonly expected: Readonly<Record<string, unknown>>;
  /** Token property path to the value the row holds now; null when the row is gone. */
  readonly actual: Readonly<Record<string, unknown>> | null;
  /**
   * Property paths among those of `expected` that are there by `@OptimisticLocking()` alone: ordinary columns, whose
   * values the message does not show. Absent for other entities.
   */
  readonly compared?: readonly string[];
  /** The object whose write was refused, with the values its owner gave it. */
  readonly entity?: E;
}
