import type { DataSource, ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import type { Column } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import { changedColumns, hasChanged } from "../tracking/entity-changes";
import { takeOriginal, type Original } from "../tracking/original";
import type { RowValues } from "../tracking/row-values";
import { isRelevant, type Columns, type Expectation } from "./expectation";

type Driver = DataSource["driver"];

/**
 * What an object has to do with the save. `written`: the save is about it. `member`: it is only named in a relation, so
 * that at most its foreign key is written. `root`: it is the aggregate root of something that is written.
 */
export type RowRole = "written" | "member" | "root";

/** One object that stands for a guarded row in a save. Two objects may stand for the same row. */
export interface RowObject {
  readonly entity: ObjectLiteral;
  readonly role: RowRole;
  /** Whether it was given to the save, and not reached through another one. */
  readonly isGiven: boolean;
  /** What its changes are told by; undefined for an object that was never loaded through the guarded DataSource. */
  readonly original: Original | undefined;
  /** Whether its row was removed through it before. */
  readonly isRemoved: boolean;
  readonly expectation: Expectation;
  readonly expectedBy: "load" | "caller";
  /** Tokens that nobody knows the value of. */
  readonly missing: readonly Column[];
  /** What its loaded collections held when the save began. */
  readonly members: ReadonlyMap<RelationMetadata, readonly ObjectLiteral[]>;
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
  /** Whether the save has looked for the row and not found it. */
  isAbsent = false;
  /** Whether this save has raised the row's version already, for a change of the row's members. */
  isRaised = false;
  /** Whether this save has deleted the row. */
  isRemoved = false;
  #found: Original | undefined;
  #writer: RowObject | undefined;
  #idle: ReadonlySet<RowObject> | undefined;

  constructor(
    readonly key: string,
    readonly description: EntityDescription,
    readonly id: ObjectLiteral,
  ) {}

  /**
   * What the next write of the row must find there: after a write of our own, what that one left.
   *
   * @param changed the columns it writes; undefined for the row as a whole.
   */
  expectationsFor(changed?: Columns): readonly Expectation[] {
    return this.tokensAfter === undefined
      ? this.#concerned.map((object) => this.expectationOf(object, changed))
      : [this.tokensAfter];
  }

  /** What one of the row's objects expects of it in a write of these columns. */
  expectationOf({ expectation }: RowObject, changed?: Columns): Expectation {
    if (this.description.compare === undefined) return expectation;
    return new Map([...expectation].filter(([token]) => isRelevant(this.description, token, true, changed)));
  }

  /** Tokens that the next write of these columns needs and nobody knows; undefined stands for the row as a whole. */
  missingFor(changed?: Columns): readonly Column[] {
    if (this.tokensAfter !== undefined) return [];
    const missing = new Set(this.#concerned.flatMap((object) => object.missing));
    return [...missing].filter((token) => isRelevant(this.description, token, false, changed));
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
    const { expectation, expectedBy, isRemoved } = this.subject;
    if (expectedBy === "caller") return true;
    return rowVersion !== undefined && expectation.has(rowVersion) && !isRemoved;
  }

  /** Whether the save itself, and not only a foreign key or a member, is about this row. */
  get isSubject(): boolean {
    return this.objects.some(({ role }) => role === "written");
  }

  /** Notes the row as TypeORM read it before the save, for objects that have no original of their own. */
  setFound(row: ObjectLiteral): void {
    this.#found = takeOriginal(this.description.shape, row);
  }

  /** Whether saving the row's objects would change it. Unknown counts as yes. */
  isChanged(driver: Driver): boolean {
    return this.changedObjects(driver).length > 0;
  }

  /** The objects that differ from what they were loaded with. Unknown counts as different. */
  changedObjects(driver: Driver): RowObject[] {
    const ignored = new Set([this.description.rowVersion]);
    return this.objects.filter(({ entity, role, original = this.#found }) => {
      if (role !== "written") return false;
      return original === undefined || hasChanged(driver, original, entity, ignored);
    });
  }

  /** The columns that saving the row's objects would write; undefined when nobody can tell yet. */
  changedColumns(driver: Driver): ReadonlySet<Column> | undefined {
    const changed = new Set<Column>();
    for (const { entity, role, original = this.#found } of this.objects) {
      if (role !== "written") continue;
      if (original === undefined) return undefined;
      for (const column of changedColumns(driver, original, entity)) {
        if (column !== this.description.rowVersion) changed.add(column);
      }
    }
    return changed;
  }

  /** Whether all that saving the row's objects would write is none of the version's concern. */
  isUnversionedChange(driver: Driver): boolean {
    const { unversioned } = this.description;
    if (unversioned.size === 0) return false;
    const changed = this.changedColumns(driver);
    return (
      changed !== undefined && changed.size > 0 && [...changed].every((column) => unversioned.has(column))
    );
  }

  /**
   * Whether two objects want to write the row, each without what the other one changed. Copies that were never loaded and
   * say the same are no rivals: a payload may name one row twice.
   */
  hasRivals(driver: Driver): boolean {
    if (this.objects.length < 2) return false;
    const [first, ...others] = this.changedObjects(driver);
    if (first === undefined || others.length === 0) return false;
    const reference = takeOriginal(this.description.shape, first.entity);
    const ignored = new Set([this.description.rowVersion]);
    return [first, ...others].some(
      ({ entity, original }) => original !== undefined || hasChanged(driver, reference, entity, ignored),
    );
  }

  /**
   * The object the row was written from. Other objects of the row stay as they are, and stale: they know nothing of what
   * was written. Asked before the save, and remembered.
   */
  writer(driver: Driver): RowObject | undefined {
    if (this.#writer === undefined && this.objects.length > 1) {
      const changed = this.changedObjects(driver);
      this.#writer = changed[0] ?? this.subject;
      this.#idle = new Set(
        this.objects.filter(
          (object) => object !== this.#writer && object.role !== "root" && !changed.includes(object),
        ),
      );
    }
    return (this.#writer ??= this.objects[0]);
  }

  // An unchanged copy of what is written, a back-reference for one, wants nothing of the row.
  get #concerned(): readonly RowObject[] {
    const idle = this.#idle;
    return idle === undefined ? this.objects : this.objects.filter((object) => !idle.has(object));
  }

  /** Notes a write of the save's own that succeeded; without tokens, one that left them alone. */
  write(
    written: RowValues,
    tokensAfter: Expectation | undefined,
    generated: ObjectLiteral | undefined,
  ): void {
    this.written = this.written === undefined ? written : this.written.overlaidWith(written);
    this.generated = generated ?? this.generated;
    this.tokensAfter = tokensAfter ?? this.tokensAfter;
  }

  /** Notes a write that the row's objects know nothing of but the tokens: a listener's, or one that only raised it. */
  advance(tokensAfter: Expectation): void {
    this.tokensAfter = tokensAfter;
  }
}
