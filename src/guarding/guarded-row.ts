import type { DataSource, ObjectLiteral } from "typeorm";
import type { EntityDescription } from "../metadata/entity-description";
import { hasChanged } from "../tracking/entity-changes";
import { takeOriginal, type Original } from "../tracking/original";
import type { RowValues } from "../tracking/row-values";
import type { Expectation } from "./expectation";

/** One object that stands for a guarded row in a save. Two objects may stand for the same row. */
export interface RowObject {
  readonly entity: ObjectLiteral;
  readonly role: "written" | "member";
  /** What its changes are told by; undefined for an object that was never loaded through the guarded DataSource. */
  readonly original: Original | undefined;
  /** Whether its row was removed through it before. */
  readonly isRemoved: boolean;
  readonly expectation: Expectation;
  /** Property paths of tokens that nobody knows the value of. */
  readonly missing: readonly string[];
}

/** One guarded row that a save may write, with all that the save knows of it. */
export class GuardedRow {
  readonly objects: RowObject[] = [];
  /** What this save itself has put into the row, once it has. */
  written: RowValues | undefined;
  /** What the database gave back of it, which TypeORM puts into the entity. */
  generated: ObjectLiteral | undefined;
  /** The row's tokens after a write of this save. */
  tokensAfter: Expectation | undefined;
  /** Whether this save has deleted the row. */
  isRemoved = false;
  #found: Original | undefined;
  #writer: RowObject | undefined;

  constructor(
    readonly key: string,
    readonly description: EntityDescription,
    readonly id: ObjectLiteral,
  ) {}

  /** What the next write of the row must find there: after a write of our own, what that one left. */
  get expectations(): readonly Expectation[] {
    return this.tokensAfter === undefined
      ? this.objects.map(({ expectation }) => expectation)
      : [this.tokensAfter];
  }

  /** Property paths of tokens that the next write needs and nobody knows. */
  get missing(): readonly string[] {
    return this.tokensAfter === undefined ? [...new Set(this.objects.flatMap(({ missing }) => missing))] : [];
  }

  /** Whether an object of this row was loaded through the guarded DataSource. */
  get isTracked(): boolean {
    return this.objects.some(({ original }) => original !== undefined);
  }

  /** The object that TypeORM writes the row from. */
  get subject(): RowObject {
    return (this.objects.find(({ role }) => role === "written") ?? this.objects[0]) as RowObject;
  }

  /** Whether an object that was never loaded names the version it wants to replace, so that its row must exist. */
  get carriesVersion(): boolean {
    const { rowVersion } = this.description;
    const { expectation, isRemoved } = this.subject;
    return rowVersion !== undefined && expectation.has(rowVersion) && !isRemoved;
  }

  /** Whether the save itself, and not only a foreign key, is about this row. */
  get isSubject(): boolean {
    return this.objects.some(({ role }) => role === "written");
  }

  /** Notes the row as TypeORM read it before the save, for objects that have no original of their own. */
  setFound(row: ObjectLiteral): void {
    this.#found = takeOriginal(this.description.metadata, row);
  }

  /** Whether saving the row's objects would change it. Unknown counts as yes. */
  isChanged(driver: DataSource["driver"]): boolean {
    return this.changedObjects(driver).length > 0;
  }

  /** The objects that differ from what they were loaded with. Unknown counts as different. */
  changedObjects(driver: DataSource["driver"]): RowObject[] {
    return this.objects.filter(({ entity, role, original = this.#found }) => {
      if (role === "member") return false;
      return original === undefined || hasChanged(driver, original, entity, this.description.rowVersion);
    });
  }

  /**
   * Whether two objects want to write the row, each without what the other one changed. Copies that were never loaded and
   * say the same are no rivals: a payload may name one row twice.
   */
  hasRivals(driver: DataSource["driver"]): boolean {
    if (this.objects.length < 2) return false;
    const [first, ...others] = this.changedObjects(driver);
    if (first === undefined || others.length === 0) return false;
    const reference = takeOriginal(this.description.metadata, first.entity);
    return [first, ...others].some(
      ({ entity, original }) =>
        original !== undefined || hasChanged(driver, reference, entity, this.description.rowVersion),
    );
  }

  /**
   * The object the row was written from. Other objects of the row stay as they are, and stale: they know nothing of what
   * was written. Asked before the save, and remembered.
   */
  writer(driver: DataSource["driver"]): RowObject | undefined {
    this.#writer ??=
      this.objects.length > 1 ? (this.changedObjects(driver)[0] ?? this.subject) : this.objects[0];
    return this.#writer;
  }

  /** Notes a write of the save's own that succeeded. */
  write(written: RowValues, tokensAfter: Expectation, generated: ObjectLiteral | undefined): void {
    this.written = this.written === undefined ? written : this.written.overlaidWith(written);
    this.generated = generated ?? this.generated;
    this.tokensAfter = tokensAfter;
  }

  /** Notes a write of a listener's, which the row's objects know nothing of but the tokens. */
  advance(tokensAfter: Expectation): void {
    this.tokensAfter = tokensAfter;
  }
}
