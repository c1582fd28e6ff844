import type { VersionSource } from "./version-source";

/** Which columns of a row without a version are compared: those that a write changes, or all of them. */
export type CompareMode = "changed-columns" | "all-columns";

/** What a class says about its own properties, by name: before TypeORM's metadata is known. */
export interface Declaration {
  readonly rowVersions: readonly { readonly property: string; readonly source: VersionSource }[];
  readonly concurrencyTokens: readonly string[];
  readonly unversioned: readonly string[];
  readonly versionedRelations: readonly string[];
  readonly compare: CompareMode | undefined;
  readonly updateAllColumns: boolean;
}

const nothing: Declaration = Object.freeze({
  rowVersions: [],
  concurrencyTokens: [],
  unversioned: [],
  versionedRelations: [],
  compare: undefined,
  updateAllColumns: false,
});

// A registered symbol on the class itself, so that decorators from one copy of the package are seen by another,
// subclasses inherit, and nothing lives in a table for the whole process.
const declarationKey = Symbol.for("typeorm-concurrency.declaration");

interface Declared {
  [declarationKey]?: Partial<Declaration>;
}

/** Adds to what the class itself declares. */
export function declare(target: object, declared: Partial<Declaration>): void {
  Object.defineProperty(target, declarationKey, {
    value: Object.freeze(mergeDeclarations([ownDeclaration(target), declared])),
    configurable: true,
  });
}

/** What a class and its ancestors declare, ancestors first. Names that are no class declare nothing. */
export function declarationOf(target: unknown): Declaration {
  const declared: Partial<Declaration>[] = [];
  for (
    let current = target;
    typeof current === "function" && current !== Function.prototype;
    current = Object.getPrototypeOf(current)
  ) {
    declared.unshift(ownDeclaration(current));
  }
  return mergeDeclarations(declared);
}

/** All of them together; of what can be said only once, the last word. */
export function mergeDeclarations(declared: readonly Partial<Declaration>[]): Declaration {
  const union = (kind: "concurrencyTokens" | "unversioned" | "versionedRelations"): string[] => [
    ...new Set(declared.flatMap((its) => its[kind] ?? [])),
  ];
  const versions = declared.flatMap(({ rowVersions }) => rowVersions ?? []);
  return {
    rowVersions: [...new Map(versions.map((version) => [version.property, version])).values()],
    concurrencyTokens: union("concurrencyTokens"),
    unversioned: union("unversioned"),
    versionedRelations: union("versionedRelations"),
    compare: declared.findLast(({ compare }) => compare !== undefined)?.compare,
    updateAllColumns: declared.some(({ updateAllColumns }) => updateAllColumns === true),
  };
}

/** The same declaration for properties that are inside an embedded entity. */
export function declarationInside(path: string, declared: Declaration): Declaration {
  const inside = (property: string): string => `${path}.${property}`;
  return {
    ...declared,
    rowVersions: declared.rowVersions.map(({ property, source }) => ({ property: inside(property), source })),
    concurrencyTokens: declared.concurrencyTokens.map(inside),
    unversioned: declared.unversioned.map(inside),
    versionedRelations: declared.versionedRelations.map(inside),
  };
}

function ownDeclaration(target: object): Partial<Declaration> {
  return (
    (Object.hasOwn(target, declarationKey) ? (target as Declared)[declarationKey] : undefined) ?? nothing
  );
}
