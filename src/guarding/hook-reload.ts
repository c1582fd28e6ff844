import type { ObjectLiteral } from "typeorm";
import type { Guard } from "./guard";
import { restoreProperty } from "./restore-property";
import { currentUnit } from "./unit-flow";

/*
 * Why here: BaseEntity.reload() reads the row into another object and copies its properties over this one, so the
 * entity then holds the row as it is and would still be compared with what it was before. It is replaced on the
 * classes of the guarded entities that have it, calls the original, and takes the entity as loaded afterwards. For
 * entities that no guarded DataSource has loaded it does nothing more than the original.
 *
 * Undone by the returned function.
 */

type Reload = (this: ObjectLiteral) => Promise<void>;

interface HookedClass {
  readonly guards: Set<Guard>;
  readonly restore: () => void;
}

/** Classes may be shared by several guarded DataSources; each is hooked once, until the last of them is unguarded. */
const hookedClasses = new WeakMap<object, HookedClass>();

/** Makes `entity.reload()` of Active Record entities a fresh load also for the guard. */
export function hookReload(guard: Guard): () => void {
  const prototypes = guard.dataSource.entityMetadatas.flatMap((metadata) => {
    if (guard.describe(metadata) === undefined || typeof metadata.target !== "function") return [];
    const prototype = metadata.target.prototype as ObjectLiteral;
    return typeof prototype["reload"] === "function" ? [prototype] : [];
  });
  for (const prototype of prototypes) hookClass(prototype).guards.add(guard);
  return () => {
    for (const prototype of prototypes) {
      const hooked = hookedClasses.get(prototype);
      hooked?.guards.delete(guard);
      if (hooked?.guards.size !== 0) continue;
      hooked.restore();
      hookedClasses.delete(prototype);
    }
  };
}

function hookClass(prototype: ObjectLiteral): HookedClass {
  const known = hookedClasses.get(prototype);
  if (known !== undefined) return known;
  const reload = prototype["reload"] as Reload;
  const ownBefore = Object.getOwnPropertyDescriptor(prototype, "reload");
  const guards = new Set<Guard>();
  Object.defineProperty(prototype, "reload", {
    configurable: true,
    writable: true,
    async value(this: ObjectLiteral): Promise<void> {
      await reload.call(this);
      for (const guard of guards) {
        guard.tracker.retrack(this);
        currentUnit(guard)?.loaded.add(this);
      }
    },
  });
  const hooked = { guards, restore: () => restoreProperty(prototype, "reload", ownBefore) };
  hookedClasses.set(prototype, hooked);
  return hooked;
}
