import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { columnValue, isHiddenForeignKey, type Column } from "../metadata/column";
import type { Shape } from "../metadata/shape";
import { keptValue, propertyValue } from "./kept-value";
import { relatedIdOf, type Original } from "./original";

/** What one statement put into a row, taken at the moment it was sent. */
export class RowValues {
  private constructor(
    private readonly shape: Shape,
    private readonly columns: ReadonlyMap<Column, unknown>,
    private readonly relatedIds: ReadonlyMap<RelationMetadata, unknown>,
  ) {}

  /** No values at all. */
  static none(shape: Shape): RowValues {
    return new RowValues(shape, new Map(), new Map());
  }

  /** The values in a SET or VALUES map, which has the form of an entity. SQL expressions are left out. */
  static of(shape: Shape, values: ObjectLiteral): RowValues {
    const columns = new Map<Column, unknown>();
    for (const column of shape.columns) {
      const value = columnValue(column, values);
      if (value !== undefined && typeof value !== "function") columns.set(column, keptValue(column, value));
    }
    const relatedIds = new Map<RelationMetadata, unknown>();
    for (const relation of shape.relations) {
      const related = relatedIdOf(relation, values);
      if (related === undefined) {
        // Written by the foreign key's own property: what the relation pointed to is told by that from now on.
        if (relation.joinColumns.some((column) => columns.has(column))) relatedIds.set(relation, undefined);
        continue;
      }
      relatedIds.set(relation, related);
      if (related === null) for (const column of relation.joinColumns) columns.set(column, null);
    }
    return new RowValues(shape, columns, relatedIds);
  }

  /** The values of columns, as a property of the entity holds them. */
  static ofColumns(
    shape: Shape,
    columns: readonly Column[],
    valueOf: (column: Column) => unknown,
  ): RowValues {
    const values = new Map<Column, unknown>();
    for (const column of columns) values.set(column, keptValue(column, valueOf(column)));
    // What such a relation pointed to is told by its foreign key from now on.
    const relatedIds = new Map<RelationMetadata, undefined>();
    for (const relation of shape.relations) {
      if (relation.joinColumns.some((column) => columns.includes(column)))
        relatedIds.set(relation, undefined);
    }
    return new RowValues(shape, values, relatedIds);
  }

  /** The values in an INSERT, in which a foreign key that is not there is null. */
  static ofInsert(shape: Shape, values: ObjectLiteral): RowValues {
    const inserted = RowValues.of(shape, values);
    const columns = new Map(inserted.columns);
    for (const column of shape.columns) {
      const isEmpty = isHiddenForeignKey(column) && column.isNullable && column.default === undefined;
      if (isEmpty && !columns.has(column) && columnValue(column, values) === undefined)
        columns.set(column, null);
    }
    return new RowValues(shape, columns, inserted.relatedIds);
  }

  has(column: Column): boolean {
    return this.columns.has(column);
  }

  /** The value that was sent for a column, as a property of the entity would hold it. */
  valueOf(column: Column): unknown {
    return propertyValue(column, this.columns.get(column));
  }

  /** These values with those of a later statement over them. */
  overlaidWith(later: RowValues): RowValues {
    return new RowValues(
      this.shape,
      new Map([...this.columns, ...later.columns]),
      new Map([...this.relatedIds, ...later.relatedIds]),
    );
  }

  /**
   * The original of an entity after these values were written: what the statement sent, what the database gave back,
   * and for the rest what was original before. What the entity holds by then tells nothing: its owner or a listener may
   * have edited it since. What is not known that way counts as never loaded.
   */
  rebase({ original, entity, id, tokens, generated }: RebaseOptions): Original {
    const { collections, relations } = this.shape;
    return {
      shape: this.shape,
      values: this.shape.columns.map((column, index) => {
        if (tokens.has(column)) return keptValue(column, tokens.get(column));
        if (this.columns.has(column)) return this.columns.get(column);
        const given: unknown = generated && columnValue(column, generated);
        if (given !== undefined) return keptValue(column, given);
        if (original?.values[index] !== undefined) return original.values[index];
        if (column.isPrimary) return keptValue(column, column.getEntityValue(id));
        // TypeORM puts null into nullable properties that were not loaded, which is no edit of anybody's.
        return column.isNullable && columnValue(column, entity) === null ? null : undefined;
      }),
      relatedIds:
        relations.length === 0
          ? none
          : relations.map((relation, index) =>
              this.relatedIds.has(relation) ? this.relatedIds.get(relation) : original?.relatedIds[index],
            ),
      memberIds: collections.length === 0 ? none : collections.map((_, index) => original?.memberIds[index]),
    };
  }
}

const none: readonly never[] = Object.freeze([]);

export interface RebaseOptions {
  readonly original: Original | undefined;
  readonly entity: ObjectLiteral;
  readonly id: ObjectLiteral;
  /** All tokens of the row as they are now. */
  readonly tokens: ReadonlyMap<Column, unknown>;
  /** What the database gave back, in the form of an entity. */
  readonly generated: ObjectLiteral | undefined;
}

/** The columns that a SET or VALUES map writes, those with SQL expressions included; of a relation, its foreign key. */
export function writtenColumns({ columns, relations }: Shape, values: ObjectLiteral): Set<Column> {
  return new Set([
    ...columns.filter((column) => columnValue(column, values) !== undefined),
    ...relations
      .filter((relation) => relatedIdOf(relation, values) !== undefined)
      .flatMap(({ joinColumns }) => joinColumns),
  ]);
}
