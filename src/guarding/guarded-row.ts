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
  /** The row's tokens after a write of this save. */
  tokensAfter: Expectation | undefined;
  /** Whether this save has deleted the row. */
  isRemoved = false;
  #found: Original | undefined;

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

  /**
   * Whether an object that was never loaded names the version it wants to replace, so that its row must exist. A
   * version that the class itself puts into every new object names nothing.
   */
  get carriesVersion(): boolean {
    const { rowVersion, metadata } = this.description;
    const { entity, isRemoved } = this.subject;
    const version: unknown = rowVersion?.getEntityValue(entity);
    if (version === undefined || isRemoved) return false;
    const isOfClass = typeof metadata.target === "function" && entity instanceof metadata.target;
    return (
      !isOfClass || version !== (rowVersion?.getEntityValue(metadata.create() as ObjectLiteral) as unknown)
    );
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
    return this.objects.some(({ entity, role, original = this.#found }) => {
      if (role === "member") return false;
      return original === undefined || hasChanged(driver, original, entity, this.description.rowVersion);
    });
  }

  /** Notes a write that succeeded. */
  advance(written: RowValues, tokensAfter: Expectation): void {
    this.written = this.written === undefined ? written : this.written.overlaidWith(written);
    this.tokensAfter = tokensAfter;
  }
}
