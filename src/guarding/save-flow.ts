import { AsyncLocalStorage } from "node:async_hooks";
import type { ObjectLiteral, QueryBuilder } from "typeorm";
import type { Guard } from "./guard";
import { queryRunnerOf } from "./query-runner-of";
import type { SaveScope, StatementOrigin } from "./save-scope";

/** Where in a save an async flow is. */
interface SaveFlow {
  readonly guard: Guard;
  /** Undefined for a save that reaches no guarded entity. */
  readonly scope: SaveScope | undefined;
  /**
   * Whether it is inside one of the save's statements. What is written there is not part of the save: TypeORM's query
   * cache, for one, and the statement would wait for itself.
   */
  readonly isInStatement: boolean;
  /** The flow around it, which may be a save in another DataSource. */
  readonly outer: SaveFlow | undefined;
  /** Whether it has ended; what a listener left running in it is no part of the save any more. */
  isOver: boolean;
}

// One for all guards: every promise of the process pays for each storage that was ever used.
const flows = new AsyncLocalStorage<SaveFlow>();

/** Runs `work`, and all that it calls, as part of a save. */
export async function runInSave<T>(
  guard: Guard,
  scope: SaveScope | undefined,
  work: () => Promise<T>,
): Promise<T> {
  return runInFlow({ guard, scope, isInStatement: false, outer: flows.getStore(), isOver: false }, work);
}

/** Runs one statement as part of a save, if there is one; see {@link SaveScope.write}. */
export async function runStatement<T>(
  guard: Guard,
  scope: SaveScope | undefined,
  origin: StatementOrigin,
  builder: QueryBuilder<ObjectLiteral>,
  execute: () => Promise<T>,
): Promise<T> {
  if (scope === undefined) return execute();
  return scope.write(origin, queryRunnerOf(builder), () => runBesideSave(guard, scope, execute));
}

/** Runs what a save does besides the statements it is made of. */
export async function runBesideSave<T>(guard: Guard, scope: SaveScope, work: () => Promise<T>): Promise<T> {
  return runInFlow({ guard, scope, isInStatement: true, outer: flows.getStore(), isOver: false }, work);
}

/** The save of this DataSource whose statements the running code is making. */
export function currentScope(guard: Guard): SaveScope | undefined {
  const flow = flowOf(guard);
  return flow?.isInStatement === false ? flow.scope : undefined;
}

/** Whether the running code was called in a save of this DataSource, by a listener for one. */
export function isInSave(guard: Guard): boolean {
  return flowOf(guard) !== undefined;
}

async function runInFlow<T>(flow: SaveFlow, work: () => Promise<T>): Promise<T> {
  try {
    return await flows.run(flow, work);
  } finally {
    flow.isOver = true;
  }
}

function flowOf(guard: Guard): SaveFlow | undefined {
  let flow = flows.getStore();
  while (flow !== undefined && (flow.guard !== guard || flow.isOver)) flow = flow.outer;
  return flow;
}
