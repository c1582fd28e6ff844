/** What a class says about its own columns: property names, before TypeORM's metadata is known. */
export interface ClassDeclaration {
  readonly rowVersions: readonly string[];
  readonly concurrencyTokens: readonly string[];
}

// A registered symbol on the class itself, so that decorators from one copy of the package are seen by another,
// subclasses inherit, and nothing lives in a table for the whole process.
const declarationKey = Symbol.for("typeorm-concurrency.declaration");

interface Declared {
  [declarationKey]?: ClassDeclaration;
}

/** Adds one property to what the class declares. */
export function declare(target: object, kind: keyof ClassDeclaration, property: string): void {
  const own = Object.hasOwn(target, declarationKey) ? (target as Declared)[declarationKey] : undefined;
  const before = own ?? { rowVersions: [], concurrencyTokens: [] };
  Object.defineProperty(target, declarationKey, {
    value: Object.freeze({ ...before, [kind]: [...before[kind], property] }),
    configurable: true,
  });
}

/** What a class and its ancestors declare, ancestors first. Names that are no class declare nothing. */
export function declarationsOf(target: unknown): ClassDeclaration {
  const rowVersions: string[] = [];
  const concurrencyTokens: string[] = [];
  for (
    let current = target;
    typeof current === "function" && current !== Function.prototype;
    current = Object.getPrototypeOf(current)
  ) {
    if (!Object.hasOwn(current, declarationKey)) continue;
    const own = (current as Declared)[declarationKey] as ClassDeclaration;
    rowVersions.unshift(...own.rowVersions);
    concurrencyTokens.unshift(...own.concurrencyTokens);
  }
  return { rowVersions: [...new Set(rowVersions)], concurrencyTokens: [...new Set(concurrencyTokens)] };
}
