import type { ObjectLiteral } from "typeorm";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";

/*
 * Why here: BaseEntity.reload() reads the row into another object and copies its properties over this one, so the
 * entity then holds the row as it is and would still be compared with what it was before. It is replaced on the
 * classes of the guarded entities that have it, calls the original, and takes the entity as loaded afterwards. For
 * entities that no guarded DataSource has loaded it does nothing more than the original.
 *
 * Undone by the returned function.
 */

type Reload = (this: ObjectLiteral) => Promise<void>;

/** Makes `entity.reload()` of Active Record entities a fresh load also for the guard. */
export function hookReload(guard: Guard): () => void {
  const undo = guard.dataSource.entityMetadatas.flatMap((metadata) => {
    if (guard.describe(metadata) === undefined || typeof metadata.target !== "function") return [];
    const prototype = metadata.target.prototype as ObjectLiteral;
    const reload: unknown = prototype["reload"];
    if (typeof reload !== "function") return [];
    const ownBefore = Object.getOwnPropertyDescriptor(prototype, "reload");
    Object.defineProperty(prototype, "reload", {
      configurable: true,
      writable: true,
      async value(this: ObjectLiteral): Promise<void> {
        await (reload as Reload).call(this);
        if (guard.isActive && guard.tracker.originalOf(this) !== undefined)
          guard.tracker.track(metadata, this);
      },
    });
    return [() => restoreProperty(prototype, "reload", ownBefore)];
  });
  return () => {
    for (const restore of undo.reverse()) restore();
  };
}
