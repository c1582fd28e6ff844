import type { SaveOptions } from "typeorm";

// Registered symbols in the options object itself, so that a copy of it has them too, and a copy of the package as well.
const uncheckedMark = Symbol.for("typeorm-concurrency.unchecked");
const rootlessMark = Symbol.for("typeorm-concurrency.without-roots");

type MarkedOptions = SaveOptions & { readonly [uncheckedMark]?: true; readonly [rootlessMark]?: true };

/**
 * Options for one save, remove, softRemove or recover that is not checked: the last writer wins, and a row that is gone
 * is no conflict. It still raises the version, so that everybody who has read the row before is refused.
 *
 * @param options other options of the save, which are kept.
 */
export function unchecked(options?: SaveOptions): SaveOptions {
  return { ...options, [uncheckedMark]: true } as MarkedOptions;
}

/**
 * Options for one save, remove, softRemove or recover whose members do not concern their aggregate root: it is neither
 * checked nor raised for them. What the save changes in the root itself is checked as always.
 *
 * @param options other options of the save, which are kept.
 */
export function withoutRoots(options?: SaveOptions): SaveOptions {
  return { ...options, [rootlessMark]: true } as MarkedOptions;
}

export function isUnchecked(options: SaveOptions | undefined): boolean {
  return (options as MarkedOptions | undefined)?.[uncheckedMark] === true;
}

export function isWithoutRoots(options: SaveOptions | undefined): boolean {
  return (options as MarkedOptions | undefined)?.[rootlessMark] === true;
}
