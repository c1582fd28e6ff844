const own = new WeakSet<object>();

/** Marks a builder of the guard's own, whose statement is complete as it is. */
export function asOwnStatement<B extends object>(builder: B): B {
  own.add(builder);
  return builder;
}

export function isOwnStatement(builder: object): boolean {
  return own.has(builder);
}
