import type { QueryRunner } from "typeorm";
import { innermostFlow } from "../flow";
import { CallbackFlow } from "./callback-flow";
import { Operation } from "./operation";

/** Whose flows they are. */
export interface ConnectionOwner {
  /** The query runner that everybody uses, where the DataSource has one connection. */
  readonly sharedQueryRunner: QueryRunner | undefined;
}

/**
 * The innermost operation or callback on a connection that the running code is in; on any, if none is given.
 *
 * @param isBound whether the code means that connection in particular.
 */
export function surroundings(
  owner: ConnectionOwner,
  queryRunner: QueryRunner | undefined,
  isBound: boolean,
): Operation | CallbackFlow | undefined {
  for (let flow = innermostFlow(); flow !== undefined; flow = flow.outer) {
    if (flow.owner !== owner) continue;
    if (flow instanceof Operation) {
      if (isOnOperation(queryRunner, flow)) return flow;
    } else if (flow instanceof CallbackFlow) {
      if (!isOnCallback(queryRunner, flow, queryRunner === owner.sharedQueryRunner)) continue;
      // What goes on after a transaction by the DataSource is beside it.
      return !isBound && flow.isOver ? undefined : flow;
    }
  }
  return undefined;
}

/** Whether query runners that are made now are made by an operation for itself. */
export function isWithoutConnection(around: Operation | CallbackFlow | undefined): around is Operation {
  return around instanceof Operation && around.queryRunner === undefined;
}

function isOnOperation(queryRunner: QueryRunner | undefined, operation: Operation): boolean {
  return !operation.isOver && (queryRunner === undefined || operation.isBy(queryRunner));
}

// What a callback has left running must not get into what comes after it. By the manager of a connection that everybody
// shares it would even when the transaction has ended.
function isOnCallback(queryRunner: QueryRunner | undefined, flow: CallbackFlow, isShared: boolean): boolean {
  const isSame = queryRunner === undefined || queryRunner === flow.queryRunner;
  return isSame && (!flow.isOver || isShared || !flow.operation.isOver);
}
