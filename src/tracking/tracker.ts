import type { ObjectLiteral } from "typeorm";
import type { RelationMetadata } from "../metadata/relation";
import { isHiddenForeignKey, type Column } from "../metadata/column";
import type { Shape } from "../metadata/shape";
import { objectSlot } from "./object-slot";
import { takeOriginal, withRelated, type HiddenValues, type Original } from "./original";

/** The originals of the entities of one DataSource. An original lives as long as its entity does. */
export class Tracker {
  readonly #originals = objectSlot<Original>();
  readonly #removed = new WeakSet();

  /** Takes what the entity holds now as its original state. */
  track(shape: Shape, entity: ObjectLiteral, hidden?: HiddenValues): void {
    this.#originals.set(entity, takeOriginal(shape, entity, hidden));
  }

  /**
   * Takes again what TypeORM's reload() has read of an entity that was loaded before. It reads neither `select: false`
   * columns nor relations, of which the earlier original still tells; hidden foreign keys count as not loaded.
   */
  retrack(entity: ObjectLiteral): void {
    const before = this.#originals.get(entity);
    if (before === undefined) return;
    const now = takeOriginal(before.shape, entity);
    this.#originals.set(entity, {
      shape: now.shape,
      values: now.values.map((value, index) =>
        isReloaded(now.shape.columns[index]) ? value : before.values[index],
      ),
      relatedIds: now.relatedIds.map((related, index) =>
        now.shape.relations[index]?.isEager ? related : before.relatedIds[index],
      ),
      memberIds: now.memberIds.map((members, index) =>
        now.shape.collections[index]?.isEager ? members : before.memberIds[index],
      ),
    });
  }

  /** Notes what a lazy relation of a tracked entity has turned out to hold, unless that was known before. */
  noteRelated(entity: ObjectLiteral, relation: RelationMetadata, related: readonly ObjectLiteral[]): void {
    const original = this.#originals.get(entity);
    if (original !== undefined) this.#originals.set(entity, withRelated(original, relation, related));
  }

  originalOf(entity: ObjectLiteral): Original | undefined {
    return this.#originals.get(entity);
  }

  /** Makes an entity one that was never loaded. */
  forget(entity: ObjectLiteral): void {
    this.#originals.set(entity, undefined);
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

function isReloaded(column: Column | undefined): boolean {
  return column !== undefined && (column.isSelect || isHiddenForeignKey(column));
}
