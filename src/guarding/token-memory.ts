import type { ObjectLiteral } from "typeorm";
import { columnValue, isStamped, type Column } from "../metadata/column";
import type { Original } from "../tracking/original";
import { rememberNamedExpectation } from "./caller-expectations";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";

interface Remembered {
  readonly entity: ObjectLiteral;
  readonly original: Original | undefined;
  readonly tokens: ReadonlyMap<Column, unknown>;
  readonly restoreNamed: () => void;
}

/** The originals that the entities of a save have before it, and the tokens in them that no application writes. */
export class TokenMemory {
  readonly #remembered: readonly Remembered[];

  constructor(
    private readonly guard: Guard,
    entities: readonly Pick<GraphEntity, "metadata" | "entity">[],
  ) {
    this.#remembered = entities.flatMap(({ metadata, entity }) => {
      const description = guard.describe(metadata);
      if (description === undefined) return [];
      // The other tokens are the application's own columns: what its owner put there stays.
      const ofDatabase = description.tokens.filter(
        (token) => token === description.rowVersion || isStamped(token),
      );
      // A remove takes the key out of the entity.
      const key = metadata.primaryColumns.filter(
        (column) => column.relationMetadata === undefined && columnValue(column, entity) !== undefined,
      );
      const tokens = [...ofDatabase, ...key].map(
        (column) => [column, column.getEntityValue(entity) as unknown] as const,
      );
      return [
        {
          entity,
          original: guard.tracker.originalOf(entity),
          tokens: new Map(tokens),
          restoreNamed: rememberNamedExpectation(entity),
        },
      ];
    });
  }

  /** Puts them back. */
  restore(): void {
    for (const { entity, original, restoreNamed, tokens } of this.#remembered) {
      restoreNamed();
      for (const [token, value] of tokens) {
        if (token.getEntityValue(entity) !== value) token.setEntityValue(entity, value);
      }
      this.guard.tracker.restore(entity, original);
    }
  }
}
