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

  /**
   * Takes again what TypeORM's reload() has read of an entity that was loaded before. It reads neither hidden columns nor
   * relations, of which the earlier original still tells.
   */
  retrack(entity: ObjectLiteral): void {
    const before = this.#originals.get(entity);
    if (before === undefined) return;
    const now = takeOriginal(before.shape.metadata, entity);
    this.#originals.set(entity, {
      shape: now.shape,
      values: now.values.map((value, index) =>
        now.shape.columns[index]?.isSelect ? value : before.values[index],
      ),
      relatedIds: now.relatedIds.map((related, index) =>
        now.shape.relations[index]?.isEager ? related : before.relatedIds[index],
      ),
    });
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
