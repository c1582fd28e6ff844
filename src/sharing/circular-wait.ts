/** Something that cannot end before others have ended. */
export interface Waiter {
  /** What it waits for now, as far as anybody knows. */
  waitsFor(): Iterable<Waiter>;
}

/** Whether anything that `start` waits for, over however many others, waits for itself. */
export function isCircular(start: Waiter): boolean {
  const path: Waiter[] = [start];
  const onPath = new Set<Waiter>(path);
  const done = new Set<Waiter>();
  const rest = [start.waitsFor()[Symbol.iterator]()];
  for (let last = rest.at(-1); last !== undefined; last = rest.at(-1)) {
    const next = last.next();
    if (next.done === true) {
      rest.pop();
      const left = path.pop() as Waiter;
      onPath.delete(left);
      done.add(left);
    } else if (onPath.has(next.value)) {
      return true;
    } else if (!done.has(next.value)) {
      path.push(next.value);
      onPath.add(next.value);
      rest.push(next.value.waitsFor()[Symbol.iterator]());
    }
  }
  return false;
}
