import type { ObjectLiteral, QueryBuilder } from "typeorm";
import { findFlow, Flow } from "./flow";
import type { Guard } from "./guard";
import { refuseLockedTargets } from "./locked-rows";
import { queryRunnerOf } from "./query-runner-of";
import type { SaveScope, StatementOrigin } from "./save-scope";

/** A save that is under way. */
export class SaveFlow extends Flow {
  constructor(
    guard: Guard,
    /** Undefined for a save that reaches no guarded entity. */
    readonly scope: SaveScope | undefined,
    /**
     * Whether it is inside one of the save's statements. What is written there is not part of the save: TypeORM's query
     * cache, for one, and the statement would wait for itself.
     */
    readonly isInStatement: boolean,
  ) {
    super(guard);
  }
}

/** Runs `work`, and all that it calls, as part of a save. */
export function runInSave<T>(guard: Guard, scope: SaveScope | undefined, work: () => Promise<T>): Promise<T> {
  return new SaveFlow(guard, scope, false).run(work);
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
  return scope.write(origin, queryRunnerOf(builder), () =>
    runBesideSave(guard, scope, async () => {
      if (origin !== "listener") await refuseLockedTargets(guard, scope, builder);
      return execute();
    }),
  );
}

/** Runs what a save does besides the statements it is made of. */
export function runBesideSave<T>(guard: Guard, scope: SaveScope, work: () => Promise<T>): Promise<T> {
  return new SaveFlow(guard, scope, true).run(work);
}

/** The save of this DataSource whose statements the running code is making. */
export function currentScope(guard: Guard): SaveScope | undefined {
  const flow = findFlow(guard, SaveFlow);
  return flow?.isInStatement === false ? flow.scope : undefined;
}

/** Whether the running code was called in a save of this DataSource, by a listener for one. */
export function isInSave(guard: Guard): boolean {
  return findFlow(guard, SaveFlow) !== undefined;
}
