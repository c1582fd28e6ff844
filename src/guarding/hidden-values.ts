import type { EntityMetadata, ObjectLiteral, SelectQueryBuilder } from "typeorm";
import { isHiddenForeignKey } from "../metadata/column";
import type { EntityDescription } from "../metadata/entity-description";
import type { HiddenValues } from "../tracking/original";
import type { Guard } from "./guard";
import { rowKey } from "../metadata/row-identity";

/** A column as a SELECT has it: its expression, and the name it has in the raw result. */
interface SelectedColumn {
  readonly selection: string;
  readonly aliasName: string;
}

interface SelectsColumns {
  buildEscapedEntityColumnSelects(alias: string, metadata: EntityMetadata): readonly SelectedColumn[];
}

type Raw = Readonly<Record<string, unknown>>;

/** Reads foreign keys that no property holds out of the raw rows of a SELECT. */
export class HiddenValuesReader {
  readonly #rows = new Map<string, (databaseName: string) => unknown>();

  constructor(
    private readonly guard: Guard,
    builder: SelectQueryBuilder<ObjectLiteral>,
    raw: readonly Raw[],
  ) {
    // TypeORM shortens the names of long aliases by a hash; the list it makes the SELECT from is protected.
    const selects = builder as unknown as SelectsColumns;
    for (const alias of builder.expressionMap.aliases) {
      if (!alias.hasMetadata || !this.#isNeeded(alias.metadata)) continue;
      const names = new Map(
        selects
          .buildEscapedEntityColumnSelects(alias.name, alias.metadata)
          .map(({ selection, aliasName }) => [selection, aliasName]),
      );
      const prefix = `${builder.escape(alias.name)}.`;
      for (const row of raw) {
        const read = (databaseName: string): unknown =>
          row[names.get(prefix + builder.escape(databaseName)) ?? ""];
        const key = this.#keyOf(alias.metadata, read);
        if (key !== undefined) this.#rows.set(key, read);
      }
    }
  }

  /** The hidden foreign keys of an entity's row, as far as they were selected. */
  valuesOf({ metadata, shape }: EntityDescription, entity: ObjectLiteral): HiddenValues | undefined {
    if (this.#rows.size === 0) return undefined;
    const key = rowKey(metadata, entity);
    const read = key === undefined ? undefined : this.#rows.get(key);
    if (read === undefined) return undefined;
    const { driver } = this.guard.dataSource;
    return new Map(
      shape.columns.filter(isHiddenForeignKey).flatMap((column) => {
        const value = read(column.databaseName);
        return value === undefined ? [] : [[column, driver.prepareHydratedValue(value, column) as unknown]];
      }),
    );
  }

  #isNeeded(metadata: EntityMetadata): boolean {
    return [metadata, ...metadata.childEntityMetadatas].some((each) =>
      this.guard.describe(each)?.shape.columns.some(isHiddenForeignKey),
    );
  }

  #keyOf(metadata: EntityMetadata, read: (databaseName: string) => unknown): string | undefined {
    const { driver } = this.guard.dataSource;
    const id: ObjectLiteral = {};
    for (const column of metadata.primaryColumns) {
      const value = read(column.databaseName);
      if (value === undefined || value === null) return undefined;
      column.setEntityValue(id, driver.prepareHydratedValue(value, column));
    }
    return rowKey(metadata, id);
  }
}
