import type { ObjectLiteral } from "typeorm";
import type { Column } from "../metadata/column";
import type { Original } from "../tracking/original";
import type { GraphEntity } from "./entity-graph";
import type { Guard } from "./guard";

interface Remembered {
  readonly entity: ObjectLiteral;
  readonly original: Original | undefined;
  readonly tokens: ReadonlyMap<Column, unknown>;
}

/** The tokens and originals that the entities of a save have before it. */
export class TokenMemory {
  readonly #remembered: readonly Remembered[];

  constructor(
    private readonly guard: Guard,
    entities: readonly GraphEntity[],
  ) {
    this.#remembered = entities.flatMap(({ metadata, entity }) => {
      const description = guard.describe(metadata);
      if (description === undefined) return [];
      const tokens = description.tokens.map(
        (token) => [token, token.getEntityValue(entity) as unknown] as const,
      );
      return [{ entity, original: guard.tracker.originalOf(entity), tokens: new Map(tokens) }];
    });
  }

  /** Puts them back. */
  restore(): void {
    for (const { entity, original, tokens } of this.#remembered) {
      for (const [token, value] of tokens) {
        if (token.getEntityValue(entity) !== value) token.setEntityValue(entity, value);
      }
      this.guard.tracker.restore(entity, original);
    }
  }
}
