/** Resolves when some work has settled, in whatever way. */
export function settled(work: Promise<unknown>): Promise<void> {
  return work.then(nothing, nothing);
}

const nothing = (): void => undefined;
