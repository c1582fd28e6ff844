import type { ObjectLiteral } from "typeorm";
import { columnValue, isStamped, type Column } from "../metadata/column";
import type { Original } from "../tracking/original";
import { rememberNamedExpectation } from "./caller-expectations";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";

interface Remembered {
  readonly entity: ObjectLiteral;
  readonly original: Original | undefined;
  readonly tokens: readonly (readonly [Column, unknown])[];
  readonly restoreNamed: (() => void) | undefined;
}

/** The originals that the entities of a save have before it, and the tokens in them that no application writes. */
export class TokenMemory {
  readonly #remembered: Remembered[] = [];

  constructor(
    private readonly guard: Guard,
    entities: readonly Pick<GraphEntity, "metadata" | "entity">[],
  ) {
    for (const { entity, metadata } of entities) {
      const description = guard.describe(metadata);
      if (description === undefined) continue;
      const tokens: [Column, unknown][] = [];
      for (const token of description.tokens) {
        // The others are the application's own columns: what its owner put there stays.
        if (token !== description.rowVersion && !isStamped(token)) continue;
        tokens.push([token, token.getEntityValue(entity)]);
      }
      // A remove takes the key out of the entity.
      for (const column of metadata.primaryColumns) {
        const value = column.relationMetadata === undefined ? columnValue(column, entity) : undefined;
        if (value !== undefined) tokens.push([column, value]);
      }
      const original = guard.tracker.originalOf(entity);
      this.#remembered.push({ entity, original, tokens, restoreNamed: rememberNamedExpectation(entity) });
    }
  }

  /** Puts them back. */
  restore(): void {
    for (const { entity, original, restoreNamed, tokens } of this.#remembered) {
      restoreNamed?.();
      for (const [token, value] of tokens) {
        if (token.getEntityValue(entity) !== value) token.setEntityValue(entity, value);
      }
      this.guard.tracker.restore(entity, original);
    }
  }
}
