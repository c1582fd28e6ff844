import { AsyncLocalStorage } from "node:async_hooks";

// One for all guards and kinds: every promise of the process pays for each storage that was ever used.
const flows = new AsyncLocalStorage<Flow>();

/** Something of one guarded DataSource that running code is in the middle of: a save, a transaction, a unit of work. */
export abstract class Flow {
  #outer: Flow | undefined;
  #isOver = false;

  /** @param owner the guard whose DataSource it is about. */
  constructor(readonly owner: object) {
    let outer = flows.getStore();
    // A flow that has ended is not kept alive by what is begun in it afterwards.
    while (outer?.isOver === true && !outer.isDiscarded) outer = outer.outer;
    this.#outer = outer;
  }

  /** Whether it has ended; what was left running in it is no part of it any more. */
  get isOver(): boolean {
    return this.#isOver;
  }

  /** Whether it matters to what is still running in it that it has ended. */
  readonly isMissed: boolean = false;
  /** Whether what it has done was undone, so that whatever is left of it must not go on by itself. */
  isDiscarded = false;

  /** The flow around it when it began, which may be one of another DataSource. */
  get outer(): Flow | undefined {
    while (this.#outer?.isOver === true && !this.#outer.isMissed) this.#outer = this.#outer.outer;
    return this.#outer;
  }

  /**
   * Runs `work`, and all that it calls, as part of this flow, which is over when it settles.
   *
   * @param end what is done then.
   */
  async run<T>(work: () => Promise<T>, end?: (flow: this) => void): Promise<T> {
    try {
      return await flows.run(this, work);
    } finally {
      this.#isOver = true;
      end?.(this);
    }
  }
}

/** The innermost flow, of any owner, that was begun around the running code. */
export function innermostFlow(): Flow | undefined {
  return flows.getStore();
}

type FlowKind<F extends Flow> = abstract new (...parameters: never[]) => F;

/** The innermost flow of a kind, of this owner and not over, that the running code is in. */
export function findFlow<F extends Flow>(owner: object, kind: FlowKind<F>): F | undefined {
  for (let flow = innermostFlow(); flow !== undefined; flow = flow.outer) {
    if (flow.owner === owner && flow instanceof kind && !flow.isOver) return flow;
  }
  return undefined;
}

/** The innermost flow of a kind and of this owner that was begun around the running code and meets a condition. */
export function findAnyFlow<F extends Flow>(
  owner: object,
  kind: FlowKind<F>,
  condition: (flow: F, isInside: boolean) => boolean,
): F | undefined {
  let isInside = false;
  for (let flow = innermostFlow(); flow !== undefined; flow = flow.outer) {
    if (flow.owner !== owner) continue;
    if (flow instanceof kind && condition(flow, isInside)) return flow;
    isInside ||= !flow.isOver;
  }
  return undefined;
}
