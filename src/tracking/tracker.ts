import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { takeOriginal, type Original } from "./original";

/** The originals of the entities of one DataSource. An original lives as long as its entity does. */
export class Tracker {
  readonly #originals = new WeakMap<ObjectLiteral, Original>();

  /** Takes what the entity holds now as its original state. */
  track(metadata: EntityMetadata, entity: ObjectLiteral): void {
    this.#originals.set(entity, takeOriginal(metadata, entity));
  }

  originalOf(entity: ObjectLiteral): Original | undefined {
    return this.#originals.get(entity);
  }

  /** Puts an earlier original back; undefined makes the entity one that was never loaded. */
  restore(entity: ObjectLiteral, original: Original | undefined): void {
    if (original === undefined) this.#originals.delete(entity);
    else this.#originals.set(entity, original);
  }
}
