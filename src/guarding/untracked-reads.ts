const untracked = new WeakSet<object>();

/** Marks a select builder of the guard's own: what it loads is nobody's entity. */
export function withoutTracking<B extends object>(builder: B): B {
  untracked.add(builder);
  return builder;
}

export function isUntracked(builder: object): boolean {
  return untracked.has(builder);
}
