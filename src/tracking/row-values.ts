import type { EntityMetadata, ObjectLiteral, RelationMetadata } from "typeorm";
import type { Column } from "../metadata/column";
import { keptValue, propertyValue } from "./kept-value";
import { relatedIdOf, shapeOf, type Original, type Shape } from "./original";

/** What one statement put into a row, taken at the moment it was sent. */
export class RowValues {
  private constructor(
    private readonly shape: Shape,
    private readonly columns: ReadonlyMap<Column, unknown>,
    private readonly relatedIds: ReadonlyMap<RelationMetadata, unknown>,
  ) {}

  /** The values in a SET or VALUES map, which has the form of an entity. SQL expressions are left out. */
  static of(metadata: EntityMetadata, values: ObjectLiteral): RowValues {
    const shape = shapeOf(metadata);
    const columns = new Map<Column, unknown>();
    for (const column of shape.columns) {
      const value: unknown = column.getEntityValue(values);
      if (value !== undefined && typeof value !== "function") columns.set(column, keptValue(column, value));
    }
    const relatedIds = new Map<RelationMetadata, unknown>();
    for (const relation of shape.relations) {
      const related = relatedIdOf(relation, values);
      if (related === undefined) continue;
      relatedIds.set(relation, related);
      if (related === null) for (const column of relation.joinColumns) columns.set(column, null);
    }
    return new RowValues(shape, columns, relatedIds);
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
   * The original of an entity after these values were written and these tokens were read back: what the statement
   * sent, then what was original before, then what the entity holds now that TypeORM has completed it. The
   * entity's own present values come last because its owner may have edited it while the save was under way.
   */
  rebase(
    original: Original | undefined,
    entity: ObjectLiteral,
    tokens: ReadonlyMap<Column, unknown>,
  ): Original {
    return {
      shape: this.shape,
      values: this.shape.columns.map((column, index) => {
        if (tokens.has(column)) return keptValue(column, tokens.get(column));
        if (this.columns.has(column)) return this.columns.get(column);
        const before = changesInDatabase(column) ? undefined : original?.values[index];
        return before === undefined ? keptValue(column, column.getEntityValue(entity)) : before;
      }),
      relatedIds: this.shape.relations.map((relation, index) =>
        this.relatedIds.has(relation)
          ? this.relatedIds.get(relation)
          : (original?.relatedIds[index] ?? relatedIdOf(relation, entity)),
      ),
    };
  }
}

// Columns that the database fills by itself on a write; TypeORM has put the new value into the entity.
function changesInDatabase(column: Column): boolean {
  return column.isUpdateDate || column.isDeleteDate || column.asExpression !== undefined;
}
