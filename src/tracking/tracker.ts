import type { EntityMetadata, ObjectLiteral } from "typeorm";
import { takeOriginal, type Original } from "./original";

/** The originals of the entities of one DataSource. An original lives as long as its entity does. */
export class Tracker {
  readonly #originals = new WeakMap<ObjectLiteral, Original>();
  readonly #removed = new WeakSet();

  /** Takes what the entity holds now as its original state. */
  track(metadata: EntityMetadata, entity: ObjectLiteral): void {
    this.#originals.set(entity, takeOriginal(metadata, entity));
  }

  originalOf(entity: ObjectLiteral): Original | undefined {
    return this.#originals.get(entity);
  }

  /** Makes an entity one that was never loaded. */
  forget(entity: ObjectLiteral): void {
    this.#originals.delete(entity);
  }

  /** Puts an earlier original back; undefined forgets the entity. */
  restore(entity: ObjectLiteral, original: Original | undefined): void {
    this.#removed.delete(entity);
    if (original === undefined) this.forget(entity);
    else this.#originals.set(entity, original);
  }

  /** Notes that the entity's row was removed through it: the object stands for no row any more. */
  remove(entity: ObjectLiteral): void {
    this.forget(entity);
    this.#removed.add(entity);
  }

  isRemoved(entity: ObjectLiteral): boolean {
    return this.#removed.has(entity);
  }
}
