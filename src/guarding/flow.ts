import { AsyncLocalStorage } from "node:async_hooks";

// One for all guards and kinds: every promise of the process pays for each storage that was ever used.
const flows = new AsyncLocalStorage<Flow>();

/** Something of one guarded DataSource that running code is in the middle of: a save, a transaction, a unit of work. */
export abstract class Flow {
  /** The flow around it when it began, which may be one of another DataSource. */
  readonly outer: Flow | undefined;
  #isOver = false;

  /** @param owner the guard whose DataSource it is about. */
  constructor(readonly owner: object) {
    // A flow that has ended is not kept alive by what was begun in it.
    let outer = flows.getStore();
    while (outer?.isOver === true) outer = outer.outer;
    this.outer = outer;
  }

  /** Whether it has ended; what was left running in it is no part of it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Runs `work`, and all that it calls, as part of this flow, which is over when it settles. */
  async run<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await flows.run(this, work);
    } finally {
      this.#isOver = true;
    }
  }
}

/** The innermost flow of a kind, of this owner and not over, that the running code is in. */
export function findFlow<F extends Flow>(
  owner: object,
  kind: abstract new (...parameters: never[]) => F,
): F | undefined {
  for (let flow = flows.getStore(); flow !== undefined; flow = flow.outer) {
    if (flow.owner === owner && !flow.isOver && flow instanceof kind) return flow;
  }
  return undefined;
}

/**
 * Whether the running code is still in the middle of something that was begun in a flow of this kind, which is over: it
 * was not awaited there.
 */
export function hasOutlived(owner: object, kind: abstract new (...parameters: never[]) => Flow): boolean {
  let isInside = false;
  for (let flow = flows.getStore(); flow !== undefined; flow = flow.outer) {
    if (flow.owner !== owner) continue;
    if (isInside && flow.isOver && flow instanceof kind) return true;
    isInside ||= !flow.isOver;
  }
  return false;
}
